"""Models as programs of ``torch.export``."""

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
    dynamic: Dynamic = "batch and size",
    tolerance: float | None = None,
) -> ExportedProgram:
    """Export a model with ``torch.export``, and compare the program with the model.

    Both are run with the example, with a larger batch and at a larger size, as far as those may
    differ and the model itself takes them.

    Args:
        model: Any module in evaluation mode whose inputs are tensors.
        example: What to call it with: a tensor of shape (N, C, *size), or one for each input.
        path: Where to write the program, usually ``*.pt2``; nothing is written if not given.
            ``torch.export.load`` reads it back.
        dynamic: Which axes may differ from the example: ``"batch and size"``, which are the first
            and all from the third on, ``"batch"`` alone, or ``"nothing"``.
        tolerance: The largest difference that is taken for rounding, as a share of the largest
            absolute value of an output; 1e-4 if not given, and more for models in half precision,
            which is eight times the rounding of their numbers.

    Returns:
        The program. The file, if one is written, holds `coordinates_of` the model as well, under
        the name ``coordconv.json``.

    Raises:
        ValueError: If the model cannot be exported with these axes dynamic, if the program gives
            another output than the model, or if the model is in training mode. Nothing is written
            then, and what was there before stays.
        TypeError: If the model is none or the example is not made of tensors.

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
    """Export with these axes dynamic, or not at all.

    Raises:
        ValueError: If ``torch.export`` cannot.
    """
    if dynamic != "nothing":
        # A batch of one would be taken for a constant.
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
        raise ValueError(
            f"torch.export cannot export this model with dynamic={dynamic!r}: {first}"
            + ("" if dynamic == "nothing" else ". A narrower choice of dynamic may do")
        ) from error
