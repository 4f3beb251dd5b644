"""Convert plain convolutions to coordinate layers in place, preserving the outputs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.conventions import Convention, checked_radius
from coordconv.conversion.guards import holders, why_no_convolution
from coordconv.conversion.in_front import zeros_in_front
from coordconv.conversion.kinds import (
    Unknown,
    checked_model,
    checked_unknown,
    coordinate_kind,
    sees_coordinates,
    stored_weight,
    why_not,
)
from coordconv.conversion.one_pixel import sees_one_pixel
from coordconv.conversion.optimizers import Optimizers, checked_optimizers, groups_of, join
from coordconv.conversion.report import Change, Report
from coordconv.conversion.selection import (
    Names,
    Where,
    convolutions,
    named_layers,
    selected,
    skips_maps_of_one_pixel,
)
from coordconv.layers.coordinates import CoordinateLayer, checked_kernel
from coordconv.layers.materialization import coordinate_parameter
from coordconv.layers.others import CoordinatesInFront
from coordconv.operations import Numbers

__all__ = ["convert"]


def convert(
    model: nn.Module,
    where: Where = "first",
    *,
    radius: bool = False,
    convention: Convention | str = "tutorial",
    coord_kernel_size: Numbers | None = None,
    optimizer: Optimizers = None,
    unknown: Unknown = "refuse",
    example: Any = None,
    tell: Callable[[Report], Any] | None = None,
) -> nn.Module:
    """Convert convolutions to CoordConv in place, preserving the outputs.

    Each selected layer changes its class and gets coordinate weights of zero, so the outputs of
    the model stay the same, bit for bit. The layer objects, their hooks, sharing,
    parametrizations, dtype, device and memory format are kept. The weights keep their names, so
    checkpoints of the plain model load with ``strict=False``. The only new parameter of a layer is
    ``coord_weight``, which can be trained even if the weights are frozen. Pass an existing
    optimizer as ``optimizer`` to add the new parameters to it.

    Convert before wrapping a model for several processes, tracing it or replacing its methods.
    Anything that would miss the new weights raises an error.

    Layers that already are coordinate layers are skipped. A lazy convolution initializes its
    weights as it would have without the conversion. ``reset_parameters`` of a converted layer
    initializes the weights as the plain layer does and sets the coordinate weights to zero.

    The ``config.json`` of a transformers model records the conversion, see
    `coordconv.integrations.transformers`.

    A subclass of a convolution is converted if it inherits the forward of its base or has a
    registered one, see `coordconv.conversion.register_convolution`. Its own forward is kept, and a
    convolution of the coordinates is added to its output.

    On a feature map of one pixel, as in squeeze-and-excitation, coordinates are constant and their
    weights get no gradient. ``"all"`` and ``"detector"`` skip convolutions that get only such maps
    when the model is called with the ``example``. Without an example, they skip convolutions that
    follow a global pooling in an ``nn.Sequential`` or in a known module.

    Args:
        model: Any module; it may be a convolution itself.
        where: Which convolutions to convert. ``"first"``: the first one in the model, which is
            often enough (Liu et al. 2018, section 5). ``"all"``: all that can be converted.
            ``"detector"``: the pointwise convolutions of the neck and the first one of each branch
            of the head, as in PP-YOLO and SOLO. Or names, patterns with ``*``, or a function of a
            name and a module.
        radius: Add the distance to the center as one more coordinate.
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        coord_kernel_size: A smaller kernel for the coordinates, as in `CoordConv2d`.
        optimizer: An existing optimizer of the model, or a list of them. The coordinate weights
            are added to the parameter group that holds the layer's ``weight``. The number of
            groups does not change, so learning rate schedulers continue to work; a state dict of
            the optimizer saved before no longer loads.
        unknown: What to do with a convolution whose forward is not known. ``"refuse"``: raise an
            error. ``"in front"``: add a pointwise convolution of the coordinates to its input,
            with ``in_channels * d`` parameters for d coordinates. This also works for any other
            module with ``in_channels`` and ``kernel_size`` that is given by its name, if its first
            input has shape (N, C, *size).
        example: Inputs to call the model with, at the size of use, to find feature maps of one
            pixel: a tensor, a tuple of arguments, or a mapping of keyword arguments.
        tell: Called with a `Report` of every convolution; ``print`` shows it as a table.

    Returns:
        The model.

    Raises:
        ValueError: If ``where`` matches no convolution, or one that cannot be converted (``"all"``
            skips those and raises if all are skipped); if an option is invalid; or if
            ``optimizer`` does not hold the weights or cannot take new ones. The model and the
            optimizer are then unchanged.
        TypeError: If an argument has the wrong type.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
        >>> convert(model, where="all", tell=print)
        name  before               after                                    parameters  added
        0     Conv2d [8, 3, 3, 3]  CoordConv2d [8, 3, 3, 3] + [8, 2, 3, 3]  224         +144
        2     Conv2d [2, 8, 1, 1]  CoordConv2d [2, 8, 1, 1] + [2, 2, 1, 1]  18          +4
        2 of 2 convolutions changed, +148 parameters
        An existing optimizer does not hold the 2 new coordinate weights: pass it as `optimizer`,
        or create it after the conversion.
        Sequential(
          (0): CoordConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), radius=False)
          (1): ReLU()
          (2): CoordConv2d(8, 2, kernel_size=(1, 1), stride=(1, 1), radius=False)
        )
    """
    checked_model(model)
    if tell is not None and not callable(tell):
        raise TypeError(f"`tell` must be callable with a Report, such as print, got {tell!r}")
    radius, convention = checked_radius(radius), Convention.of(convention)
    others = named_layers(model, where) if checked_unknown(unknown) == "in front" else {}
    names = {**convolutions(model), **others}
    chosen = _chosen(model, names, where)
    skipped = sees_one_pixel(model, chosen, example) if skips_maps_of_one_pixel(where) else {}
    held = holders(model, [one for one in chosen if not sees_coordinates(one)])
    reasons = {
        one: held.get(one) or why_not(one, unknown)
        for one in names
        if one in chosen and one not in skipped
    }
    _refuse(names, reasons, all_of_them=where == "all")
    if skipped and not reasons:
        raise ValueError(
            f"where={where!r} selects {len(skipped)} convolutions, and all of them only get "
            "feature maps of one pixel, where coordinates are constant; pass the name of a layer "
            "as `where` to convert it anyway"
        )
    # Validate before mutating.
    optimizers = checked_optimizers(optimizer)
    kinds = {module: coordinate_kind(module) for module, reason in reasons.items() if not reason}
    ready = {
        module: (kind, _zeros(module, kind, radius, coord_kernel_size))
        for module, kind in kinds.items()
    }
    groups = groups_of(optimizers, {module: names[module][0] for module in ready})
    changes = []
    for module, known in names.items():
        before, parameters = _described(module), _count(module)
        if module in ready:
            _become(module, *ready[module], radius, convention)
        reason = reasons.get(module, skipped.get(module, "not selected"))
        after = "" if reason else _described(module)
        added = _count(module) - parameters
        changes.append(Change(known, before, after, parameters, added, reason))
    join(model, groups)
    if tell is not None:
        tell(Report(changes, note="" if optimizers else _note(len(ready))))
    return model


def _chosen(model: nn.Module, names: Names, where: Where) -> set[nn.Module]:
    why = "" if names else why_no_convolution(model)
    if why:
        raise ValueError(f"the model has no convolution that can be converted: {why}")
    return selected(model, names, where)


def _note(count: int) -> str:
    if not count:
        return ""
    weights = "1 new coordinate weight" if count == 1 else f"{count} new coordinate weights"
    return (
        f"An existing optimizer does not hold the {weights}: pass it as `optimizer`,\n"
        "or create it after the conversion."
    )


def _refuse(names: Any, reasons: dict[nn.Module, str], all_of_them: bool) -> None:
    """Raise if a layer cannot be converted; layers with coordinates are skipped."""
    refused = {
        module: reason
        for module, reason in reasons.items()
        if reason and not sees_coordinates(module)
    }
    if refused and not (all_of_them and len(refused) < len(reasons)):
        listed = "; ".join(f"{names[module][0]!r}: {why}" for module, why in refused.items())
        raise ValueError(f"cannot convert {listed}. Select other layers with `where`")


def _zeros(
    module: Any, kind: type[nn.Module], radius: bool, coord_kernel_size: Numbers | None
) -> nn.Parameter:
    """Return zero coordinate weights with the dtype, device and memory format of the weights."""
    if issubclass(kind, CoordinatesInFront):
        return zeros_in_front(module, radius)
    weight, kernel = stored_weight(module), checked_kernel(coord_kernel_size, module.kernel_size)
    pair = (module.out_channels, len(kernel) + radius)
    shape = (*(reversed(pair) if module.transposed else pair), *kernel)
    with torch.inference_mode(False):  # Inference tensors can never be trained.
        if is_lazy(weight):
            return coordinate_parameter(
                torch.zeros(shape, dtype=weight.dtype, device=weight.device)
            )
        return coordinate_parameter(_laid_out_as(weight, weight.new_zeros(shape)))


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
) -> None:
    # The class changes last: another thread that calls the layer finds it complete.
    options: Any = kind
    options.set_options(module, radius, convention, tuple(coord_weight.shape[2:]), "auto")
    module.coord_weight = coord_weight
    module.starts_at_zero = True
    module.__class__ = kind
    module.trust_weights()


def _described(module: Any) -> str:
    """Return the class and the weight shapes of a layer."""
    text = type(module).__name__
    if isinstance(module, nn.modules.conv._ConvNd):
        text += f" {_shape(stored_weight(module))}"
    if isinstance(module, CoordinateLayer):
        text += f" + {_shape(module.coord_weight)}"
    return text


def _shape(weight: Tensor) -> str:
    return "[uninitialized]" if is_lazy(weight) else str([*weight.shape])


def _count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters() if not is_lazy(one))
