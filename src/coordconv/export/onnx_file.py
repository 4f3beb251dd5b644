"""Models as ONNX files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from coordconv.export.exported_program import exported
from coordconv.export.files import replaced_when_done
from coordconv.export.metadata import as_text, from_the_extra
from coordconv.export.verification import Dynamic, Example, checked, compare, dynamic_axes

__all__ = ["to_onnx"]


def to_onnx(
    model: nn.Module,
    example: Example,
    path: str | Path,
    *,
    dynamic: Dynamic = "batch and size",
    tolerance: float | None = None,
    opset_version: int | None = None,
) -> Path:
    """Write a model as an ONNX file, and compare what onnxruntime makes of it with the model.

    Needs the extra ``onnx``. The axes of the file are read back and have to be dynamic where that
    was asked for; then the file is run as in `to_exported_program`.

    Args:
        model: As in `to_exported_program`.
        example: As in `to_exported_program`.
        path: Where to write the file; weights of more than 2 GB go to a file beside it.
        dynamic: As in `to_exported_program`.
        tolerance: As in `to_exported_program`.
        opset_version: The version of the operators, the exporter's own if not given.

    Returns:
        The path. The file's metadata holds `coordinates_of` the model under the key ``coordconv``.

    Raises:
        ValueError: As in `to_exported_program`, or if onnxruntime cannot run the model, or the
            exporter does not know the version of the operators.
        TypeError: As in `to_exported_program`.
        ModuleNotFoundError: If the extra is not installed.

    Example:
        >>> import tempfile
        >>> from coordconv import CoordConv2d
        >>> net = nn.Sequential(CoordConv2d(3, 8, 3), nn.ReLU()).eval()
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     to_onnx(net, torch.randn(1, 3, 16, 24), f"{directory}/net.onnx").name
        'net.onnx'
    """
    onnx, runtime, _ = map(from_the_extra, ("onnx", "onnxruntime", "onnxscript"))
    model, inputs = checked(model, example, dynamic)
    path = Path(path)
    program = exported(model, inputs, dynamic)
    with _as_value_error("torch.onnx.export cannot write this model"):
        written: Any = torch.onnx.export(
            program, dynamo=True, verbose=False, opset_version=opset_version
        )
    written.model.metadata_props["coordconv"] = as_text(model)
    with replaced_when_done(path) as unfinished:
        written.save(unfinished)
        file = onnx.load(unfinished, load_external_data=False)
        _check_version(file, opset_version)
        with _as_value_error("onnxruntime cannot run this model"):
            session = runtime.InferenceSession(unfinished, providers=["CPUExecutionProvider"])
        names = [entry.name for entry in session.get_inputs()]
        _check_axes(file.graph, names, inputs, dynamic)

        def run(*tensors: Tensor) -> list[Tensor]:
            arrays = (tensor.detach().cpu().numpy() for tensor in tensors)
            outputs = session.run(None, dict(zip(names, arrays, strict=True)))
            return [torch.from_numpy(one) for one in outputs]

        compare(model, run, inputs, dynamic, tolerance)
    return path


@contextmanager
def _as_value_error(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ValueError(f"{what}: {str(error).strip().partition(chr(10))[0]}") from error


def _check_version(file: Any, wanted: int | None) -> None:
    """Raise where the exporter took another version of the operators than it was asked for."""
    found = [one.version for one in file.opset_import if one.domain in ("", "ai.onnx")]
    if wanted is not None and wanted not in found:
        raise ValueError(
            f"the exporter knows no opset_version {wanted} for this model, it took "
            f"{', '.join(map(str, found))}"
        )


def _check_axes(graph: Any, names: list[str], inputs: tuple[Tensor, ...], dynamic: Dynamic) -> None:
    """Raise where the file has a fixed size along an axis that was to be dynamic."""
    shapes = {one.name: one.type.tensor_type.shape.dim for one in graph.input}
    if len(names) != len(inputs):
        raise ValueError(f"the model was given {len(inputs)} inputs, the file takes {names}")
    for name, tensor in zip(names, inputs, strict=True):
        for axis in dynamic_axes(tensor, dynamic):
            if not shapes[name][axis].dim_param:
                fixed = shapes[name][axis].dim_value
                raise ValueError(f"axis {axis} of {name!r} is fixed at {fixed} in the file")
