"""Export models as programs of ``torch.export``."""

from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from coordconv.export.files import replaced_when_done
from coordconv.export.metadata import as_text
from coordconv.export.verification import Dynamic, Example, checked, compare, dynamic_axes

__all__ = ["exported", "to_exported_program"]


def to_exported_program(
    model: nn.Module,
    example: Example,
    path: str | Path | None = None,
    *,
    dynamic: Dynamic = "batch_and_size",
    tolerance: float | None = None,
) -> ExportedProgram:
    """Export a model with ``torch.export`` and compare the outputs of the program and the model.

    The program and the model are run with the example. If the batch axis or the size axes are
    dynamic, they are also run with a larger batch or a larger size, as far as the model supports
    these sizes.

    Args:
        model: Any module in evaluation mode whose inputs are tensors.
        example: The inputs: a tensor of shape (N, C, *size), or a sequence of tensors.
        path: Path of the file to write, usually ``*.pt2``; no file is written by default.
            ``torch.export.load`` reads the file.
        dynamic: Which axes are dynamic: ``"batch_and_size"`` (the first axis and all axes after the
            second), only ``"batch"`` (the first axis), or ``"none"``.
        tolerance: The largest difference allowed, relative to the largest absolute value of an
            output. The default is the larger of 1e-4 and eight times the machine epsilon of the
            model's dtype.

    Returns:
        The program. If a file is written, it also contains the result of `conventions_of` as
        ``coordconv.json``.

    Raises:
        ValueError: If the model cannot be exported with these dynamic axes, if the outputs of the
            program and the model differ, or if the model is in training mode. In these cases, no
            file is written, and an existing file is kept.
        TypeError: If ``model`` is not an ``nn.Module``, or ``example`` does not consist of tensors.

    Example:
        >>> from coordconv import CoordConv2d
        >>> program = to_exported_program(CoordConv2d(3, 8, 3).eval(), torch.randn(1, 3, 16, 24))
        >>> program.module()(torch.randn(5, 3, 9, 9)).shape
        torch.Size([5, 8, 7, 7])
    """
    model, inputs = checked(model, example, dynamic)
    program = exported(model, inputs, dynamic)
    compare(model, program.module(), inputs, dynamic, tolerance)
    if path is not None:
        with replaced_when_done(Path(path)) as unfinished:
            torch.export.save(program, unfinished, extra_files={"coordconv.json": as_text(model)})
    return program


def exported(model: nn.Module, inputs: tuple[Tensor, ...], dynamic: Dynamic) -> ExportedProgram:
    """Export a model with dynamic axes.

    Raises:
        ValueError: If ``torch.export`` fails.
    """
    if dynamic != "none":
        # torch.export would treat a batch size of 1 as a constant.
        inputs = tuple(torch.cat([one, one]) if one.shape[:1] == (1,) else one for one in inputs)
    axes: list[Any] = [dict.fromkeys(dynamic_axes(one, dynamic), Dim.DYNAMIC) for one in inputs]
    for place, parameter in enumerate(signature(model.forward).parameters.values()):
        if parameter.kind is Parameter.VAR_POSITIONAL:
            axes[place:] = [tuple(axes[place:])]
    try:
        with torch.no_grad():
            return torch.export.export(model, inputs, dynamic_shapes=tuple(axes))
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        hint = "" if dynamic == "none" else ". Try fewer axes in `dynamic`"
        if any(one.shape[axis] < 2 for one in inputs for axis in dynamic_axes(one, dynamic)):
            hint = (
                ". It treats sizes of 0 and 1 as constants; pass an example whose dynamic axes are "
                "larger, or fewer axes in `dynamic`"
            )
        raise ValueError(
            f"torch.export cannot export this model with dynamic={dynamic!r}: {first}{hint}"
        ) from error
