"""From plain convolutions to coordinate layers, in place and without a change of the function."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.conventions import Convention, checked_radius
from coordconv.conversion.frameworks import prepare_frameworks
from coordconv.conversion.kinds import checked_model, coordinate_kind, stored_weight, why_not
from coordconv.conversion.report import Change, Report
from coordconv.conversion.selection import Where, convolutions, selected
from coordconv.layers.coordinates import CoordinateLayer, checked_kernel
from coordconv.layers.materialization import coordinate_parameter
from coordconv.operations import Numbers

__all__ = ["convert"]


def convert(
    model: nn.Module,
    where: Where = "first",
    *,
    radius: bool = False,
    convention: Convention | str = "tutorial",
    coord_kernel_size: Numbers | None = None,
    tell: Callable[[Report], Any] | None = None,
) -> nn.Module:
    """Let convolutions of a model see coordinates, from the function that it computes now.

    The layers stay the objects that they are: their class changes and they get coordinate weights,
    which are zero. So the model computes what it did, bit for bit; optimizers, hooks, shared
    modules, parametrizations, dtype, device and memory format stay; and its weights keep their
    names, so that its checkpoints load with ``strict=False``. What is new is ``coord_weight``,
    which an optimizer that exists has to be told of.

    A layer that sees coordinates already is left as it is. A lazy convolution, which has no
    function yet, draws its weights as it would have; and ``reset_parameters`` of a converted layer
    draws those of the plain layer, and sets the coordinates' to zero.

    What was converted is kept in the ``config.json`` of a transformers model, see
    `coordconv.integrations.transformers`.

    Args:
        model: Any module; it may be a convolution itself.
        where: Which convolutions. ``"first"``: the first that the model holds, where one is
            enough (Liu et al. 2018, section 5). ``"all"``: all that can be. ``"detector"``: those
            of one tap in modules called neck or fpn, and the first of each module called head,
            as PP-YOLO and SOLO place them. Or names, or patterns with ``*``; or a function of a
            name and a module.
        radius: Use the distance to the centre as one more coordinate.
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        coord_kernel_size: A smaller kernel for the coordinates, as in `CoordConv2d`.
        tell: Called with a `Report` of every convolution; ``print`` shows it as a table.

    Returns:
        The model.

    Raises:
        ValueError: If ``where`` means no convolution, or one that cannot be converted (with
            ``"all"`` those are skipped, and an error only if all are), or an option is wrong. The
            model is then as it was.
        TypeError: If an argument is of the wrong type.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
        >>> convert(model, where="all", tell=print)
        name  before               after                                    parameters  added
        0     Conv2d [8, 3, 3, 3]  CoordConv2d [8, 3, 3, 3] + [8, 2, 3, 3]  224         +144
        2     Conv2d [2, 8, 1, 1]  CoordConv2d [2, 8, 1, 1] + [2, 2, 1, 1]  18          +4
        2 of 2 convolutions changed, +148 parameters
        Sequential(
          (0): CoordConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), radius=False)
          (1): ReLU()
          (2): CoordConv2d(8, 2, kernel_size=(1, 1), stride=(1, 1), radius=False)
        )
    """
    checked_model(model)
    prepare_frameworks()
    if tell is not None and not callable(tell):
        raise TypeError(f"tell must be a function of a report, such as print, got {tell!r}")
    radius, convention = checked_radius(radius), Convention.of(convention)
    names = convolutions(model)
    chosen = selected(names, where)
    reasons = {module: why_not(module) for module in names if module in chosen}
    _refuse(names, reasons, all_of_them=where == "all")
    # Whatever can fail is done before the first layer changes.
    ready = {
        module: (coordinate_kind(module), _zeros(module, radius, coord_kernel_size))
        for module, reason in reasons.items()
        if not reason
    }
    changes = []
    for module, known in names.items():
        before, parameters = _described(module), _count(module)
        if module in ready:
            _become(module, *ready[module], radius, convention, coord_kernel_size)
        reason = reasons.get(module, "not asked for")
        after = "" if reason else _described(module)
        added = _count(module) - parameters
        changes.append(Change(known, before, after, parameters, added, reason))
    if tell is not None:
        tell(Report(changes))
    return model


def _refuse(names: Any, reasons: dict[nn.Module, str], all_of_them: bool) -> None:
    """Raise for what cannot be converted, but for what sees coordinates already."""
    refused = {
        module: reason
        for module, reason in reasons.items()
        if reason and not isinstance(module, CoordinateLayer)
    }
    if refused and not (all_of_them and len(refused) < len(reasons)):
        listed = "; ".join(f"{names[module][0]!r}: {why}" for module, why in refused.items())
        raise ValueError(f"cannot convert {listed}. Leave it out, or convert by other names")


def _zeros(module: Any, radius: bool, coord_kernel_size: Numbers | None) -> nn.Parameter:
    """Coordinate weights of zero, beside the weights and as they lie in memory."""
    weight, kernel = stored_weight(module), checked_kernel(coord_kernel_size, module.kernel_size)
    pair = (module.out_channels, len(kernel) + radius)
    shape = (*(reversed(pair) if module.transposed else pair), *kernel)
    zeros = torch.zeros(shape, dtype=weight.dtype, device=weight.device)
    return coordinate_parameter(zeros if is_lazy(weight) else _laid_out_as(weight, zeros))


def _laid_out_as(weight: Tensor, zeros: Tensor) -> Tensor:
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    last = formats.get(weight.dim())
    if last is None or weight.is_contiguous() or not weight.is_contiguous(memory_format=last):
        return zeros
    return zeros.contiguous(memory_format=last)


def _become(
    module: Any,
    kind: type[nn.Module],
    coord_weight: nn.Parameter,
    radius: bool,
    convention: Convention,
    coord_kernel_size: Numbers | None,
) -> None:
    module.__class__ = kind
    module.set_options(radius, convention, coord_kernel_size, "auto")
    module.coord_weight = coord_weight
    module.starts_at_zero = True


def _described(module: Any) -> str:
    """Its class and the shapes of its weights, as far as it is known what they are."""
    text = type(module).__name__
    if isinstance(module, nn.modules.conv._ConvNd):
        text += f" {_shape(stored_weight(module))}"
    if isinstance(module, CoordinateLayer):
        text += f" + {_shape(module.coord_weight)}"
    return text


def _shape(weight: Tensor) -> str:
    return "[not yet known]" if is_lazy(weight) else str([*weight.shape])


def _count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters() if not is_lazy(one))
