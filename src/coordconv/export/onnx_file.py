"""Export models as ONNX files."""

from collections.abc import Generator
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
    dynamic: Dynamic = "batch_and_size",
    tolerance: float | None = None,
    opset_version: int | None = None,
) -> Path:
    """Export a model as an ONNX file and compare the outputs of onnxruntime and the model.

    Requires the extra ``onnx``. After the export, this function checks that the requested axes are
    dynamic in the file. Then it runs the file and the model with the same inputs as
    `to_exported_program`.

    Args:
        model: As in `to_exported_program`.
        example: As in `to_exported_program`.
        path: Path of the file; weights of more than 2 GB are written to another file next to it.
        dynamic: As in `to_exported_program`.
        tolerance: As in `to_exported_program`.
        opset_version: The ONNX opset version. If omitted, the default of the exporter is used.

    Returns:
        The path. The metadata of the file holds the result of `conventions_of` under the key
        ``coordconv``.

    Raises:
        ValueError: As in `to_exported_program`. Also if onnxruntime cannot run the model, or if the
            exporter does not support the opset version.
        TypeError: As in `to_exported_program`.
        ModuleNotFoundError: If the extra ``onnx`` is not installed.

    Example:
        >>> import tempfile
        >>> from coordconv import CoordConv2d
        >>> model = nn.Sequential(CoordConv2d(3, 8, 3), nn.ReLU()).eval()
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     to_onnx(model, torch.randn(1, 3, 16, 24), f"{directory}/model.onnx").name
        'model.onnx'
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
def _as_value_error(what: str) -> Generator[None]:
    try:
        yield
    except Exception as error:
        raise ValueError(f"{what}: {str(error).strip().partition(chr(10))[0]}") from error


def _check_version(file: Any, wanted: int | None) -> None:
    """Raise if the exporter used another opset version than requested."""
    found = [one.version for one in file.opset_import if one.domain in ("", "ai.onnx")]
    if wanted is not None and wanted not in found:
        raise ValueError(
            f"the exporter does not support opset_version={wanted} for this model; it used "
            f"{', '.join(map(str, found))}"
        )


def _check_axes(graph: Any, names: list[str], inputs: tuple[Tensor, ...], dynamic: Dynamic) -> None:
    """Raise if an axis that should be dynamic has a fixed size in the file."""
    shapes = {one.name: one.type.tensor_type.shape.dim for one in graph.input}
    if len(names) != len(inputs):
        raise ValueError(
            f"the file must have {len(inputs)} inputs, as in `example`, but it has {names}"
        )
    for name, tensor in zip(names, inputs, strict=True):
        for axis in dynamic_axes(tensor, dynamic):
            if not shapes[name][axis].dim_param:
                fixed = shapes[name][axis].dim_value
                raise ValueError(
                    f"axis {axis} of {name!r} should be dynamic but is fixed at {fixed} in the file"
                )
