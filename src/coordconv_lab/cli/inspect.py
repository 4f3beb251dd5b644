"""The ``inspect`` command."""

from typing import Annotated

from cyclopts import Parameter

from coordconv_lab.cli.app import app
from coordconv_lab.cli.options import Int
from coordconv_lab.errors import printable


@app.command
def inspect(
    target: str,
    /,
    *,
    size: Annotated[tuple[Int, ...] | None, Parameter(consume_multiple=True)] = None,
) -> None:
    """Print where coordinates enter a model or checkpoint, and what they cost.

    For example:

        coordconv inspect runs/regression-quadrant-coordconv-seed0-9cbfc5407240

        coordconv inspect model.safetensors

        coordconv inspect mypackage.models:build --size 1 3 224 224

    Parameters
    ----------
    target
        The directory of a run; or a .safetensors, .onnx or .pt2 file; or module:name, which names a
        model or a function that returns a model, imported from the current directory.
    size
        Input shape, only for module:name. With it, floating-point operations are also counted.
    """
    from coordconv_lab.inspection import inspect as described

    print(printable(described(target, size)))
