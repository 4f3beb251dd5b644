"""Convert plain convolutions to coordinate layers in place, preserving the outputs."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.conventions import Convention, ConventionName, checked_radius
from coordconv.conversion.erased_positions import erased_positions
from coordconv.conversion.examples import Example
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
from coordconv.conversion.layer_uses import LayerUses, layer_uses
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
from coordconv.operations import SizeNd

__all__ = ["convert", "convert_again"]


def convert(
    model: nn.Module,
    where: Where = "first",
    *,
    radius: bool = False,
    convention: Convention | ConventionName = "paper",
    coord_kernel_size: SizeNd | None = None,
    optimizer: Optimizers = None,
    unknown: Unknown = "raise",
    example: Example | None = None,
    report: Callable[[Report], Any] | None = None,
) -> nn.Module:
    """Convert convolutions to CoordConv in place, preserving the outputs.

    Each selected layer changes its class and gets coordinate weights of zero, so the outputs of
    the model stay the same, bit for bit. The layer objects are kept, with their hooks,
    parametrizations, dtype, device and memory format, and shared layers stay shared. The weights
    keep their names, so checkpoints of the plain model load with ``strict=False``. The only new
    parameter of a layer is ``coord_weight``, which can be trained even if the other weights are
    frozen. Pass an existing optimizer as ``optimizer`` to add the new parameters to it.

    Convert a model before wrapping it for several processes, tracing it or replacing its methods.
    An error is raised if a wrapper, hook or graph around a layer would miss the new parameters.

    Layers that already are coordinate layers are skipped. A lazy convolution initializes its
    weights as it would have without the conversion. ``reset_parameters`` of a converted layer
    initializes the weights as the plain layer does and sets the coordinate weights to zero.

    For a transformers model, ``save_pretrained`` records the conversion in ``config.json``; see
    `coordconv.integrations.transformers`.

    A subclass of a convolution is converted if it inherits the ``forward`` of its base class, or if
    it is registered with `coordconv.conversion.register_convolution`. A registered subclass keeps
    its own ``forward``, and a convolution of the coordinates is added to its output.

    On a feature map of one pixel, as in squeeze-and-excitation, coordinates are constant and
    therefore useless. ``where="all"`` and ``where="detector"`` skip convolutions that only get such
    maps when the model is called with the ``example``. Without an example, these two settings skip
    convolutions that follow a global pooling in an ``nn.Sequential`` or in a module of a known
    class.

    A normalization that subtracts the mean of each map, such as instance normalization, erases the
    position of a crop in its full image if the normalization follows a converted layer. Converted
    layers with this problem are detected numerically: with an ``example``, from a derivative of the
    model; without an example, by calling the modules that follow a layer in an ``nn.Sequential``.
    The report lists the affected layers and suggests other layers to convert. If all converted
    layers are affected, a ``UserWarning`` is also issued. If all inputs are full images, no
    position is lost. With ``radius=True`` there is no check, because the radii of two crops differ
    by more than a constant.

    A model may read the weight of a convolution without calling the layer, as in
    ``F.conv2d(x, self.conv.weight)``. Coordinates would have no effect there. With an ``example``,
    an error is raised if a selected layer is only used in this way, and a ``UserWarning`` is issued
    if the example does not reach a selected layer. Without an example, this is not checked.

    Args:
        model: Any module, including a single convolution.
        where: Which convolutions to convert. ``"first"``: the first convolution in the model, which
            is often enough (Liu et al. 2018, section 5). ``"all"``: all that can be converted.
            ``"detector"``: the pointwise convolutions of the neck, and the first convolution of
            each branch of the head, as in PP-YOLO and SOLO. Alternatively, pass one or more names
            or patterns with ``*``, or a function that takes a name and a module and returns whether
            to convert it. A pattern that is the name of a convolution selects only this one.
        radius: Add the distance to the center as one more coordinate.
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        coord_kernel_size: Size of a smaller kernel for the coordinates, as in `CoordConv2d`.
        optimizer: An existing optimizer of the model, or a list of them. The coordinate weights
            are added to the parameter group that holds the layer's ``weight``. The number of
            groups does not change, so learning rate schedulers continue to work. A state dict that
            the optimizer saved before the conversion no longer loads.
        unknown: What to do with a convolution that has a custom ``forward`` and is not registered.
            ``"raise"``: raise an error. ``"in_front"``: add a pointwise convolution of the
            coordinates to its input, with ``in_channels * d`` parameters for d coordinates.
            ``"in_front"`` also works for other modules that ``where`` lists by name, if they have
            ``in_channels`` and ``kernel_size`` and their first input has shape (N, C, *size).
        example: Inputs to call the model with, of the image size that you use: a tensor, a tuple of
            arguments, or a mapping of keyword arguments. The example is used to find feature maps
            of one pixel, layers after which the model loses the position of a crop, and layers that
            the model does not call. The model is called in evaluation mode.
        report: Called with a `Report` that lists every convolution. Pass ``print`` to print it as a
            table.

    Returns:
        The model.

    Raises:
        ValueError: If ``where`` matches no convolution or matches one that cannot be converted.
            ``"all"`` skips such convolutions and raises only if all are skipped. Also if an option
            is invalid, or if ``optimizer`` does not hold the weight of a converted layer or does
            not accept new parameters. The model and the optimizer are then unchanged.
        TypeError: If an argument has the wrong type.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
        >>> convert(model, where="all", report=print)
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
    outcome = _converted(
        model,
        where,
        radius,
        convention,
        coord_kernel_size,
        optimizer,
        unknown,
        example,
        True,
        report,
    )
    if outcome.converted and all(change.erased for change in outcome.converted):
        first = outcome.converted[0]
        warnings.warn(f"after {first.name!r}, {first.erased}", stacklevel=2)
    return model


def convert_again(
    model: nn.Module,
    where: Where,
    *,
    radius: bool,
    convention: Convention,
    coord_kernel_size: SizeNd | None,
    unknown: Unknown = "raise",
) -> nn.Module:
    """Repeat an earlier conversion, without checking whether positions of crops are erased."""
    _converted(
        model, where, radius, convention, coord_kernel_size, None, unknown, None, False, None
    )
    return model


def _converted(
    model: nn.Module,
    where: Where,
    radius: bool,
    convention: Convention | ConventionName,
    coord_kernel_size: SizeNd | None,
    optimizer: Optimizers,
    unknown: Unknown,
    example: Example | None,
    checks_positions: bool,
    report: Callable[[Report], Any] | None,
) -> Report:
    checked_model(model)
    if report is not None and not callable(report):
        raise TypeError(f"`report` must be callable with a Report, such as print, got {report!r}")
    radius, convention = checked_radius(radius), Convention.of(convention)
    if isinstance(where, Iterator):  # It can be read only once.
        where = list(where)
    others = named_layers(model, where) if checked_unknown(unknown) == "in_front" else {}
    names = {**convolutions(model), **others}
    chosen = _chosen(model, names, where)
    skipped = sees_one_pixel(model, chosen, example) if skips_maps_of_one_pixel(where) else {}
    held = holders(model, [one for one in chosen if not sees_coordinates(one)])
    reasons = {
        one: held.get(one) or why_not(one, unknown)
        for one in names
        if one in chosen and one not in skipped
    }
    uses = _uses(model, [one for one, reason in reasons.items() if not reason], example)
    reasons.update(dict.fromkeys(uses.read - uses.called, _NOT_CALLED))
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
    erased = {}
    if checks_positions and not radius:
        erased = erased_positions(model, names, list(ready), example)
    changes = []
    for module, known in names.items():
        before, parameters = _described(module), _count(module)
        if module in ready:
            _become(module, *ready[module], radius, convention)
        reason = reasons.get(module, skipped.get(module, "not selected"))
        after = "" if reason else _described(module)
        added = _count(module) - parameters
        lost = str(erased.get(module, ""))
        changes.append(Change(known, before, after, parameters, added, reason, lost))
    join(model, groups)
    outcome = Report(changes, note="" if optimizers else _note(len(ready)))
    if report is not None:
        report(outcome)
    missed = [repr(names[one][0]) for one in ready if one not in uses.called]
    if missed:
        warnings.warn(
            f"the example does not reach {', '.join(missed)}, so the effect of the coordinates is "
            "not checked there; if the model never calls a layer, do not select it",
            stacklevel=3,
        )
    return outcome


def _uses(model: nn.Module, layers: list[nn.Module], example: Example | None) -> LayerUses:
    """Return how the model uses layers. If this is unknown, all of them count as called."""
    unknown = any(is_lazy(one) or one.is_meta for one in model.parameters())
    uses = layer_uses(model, layers, example) if example is not None and not unknown else None
    return uses or LayerUses(set(layers), set())


_NOT_CALLED = (
    "the model reads its parameters but does not call it, so coordinates would have no effect"
)


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
    """Raise if a layer cannot be converted. Layers that already have coordinates are ignored.

    With ``all_of_them``, raise only if no layer can be converted.
    """
    refused = {
        module: reason
        for module, reason in reasons.items()
        if reason and not sees_coordinates(module)
    }
    if refused and not (all_of_them and len(refused) < len(reasons)):
        listed = "; ".join(f"{names[module][0]!r}: {why}" for module, why in refused.items())
        raise ValueError(f"cannot convert {listed}. Select other layers with `where`")


def _zeros(
    module: Any, kind: type[nn.Module], radius: bool, coord_kernel_size: SizeNd | None
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
    # The class changes last, so that another thread never calls an incomplete layer.
    options: Any = kind
    options._set_options(module, radius, convention, tuple(coord_weight.shape[2:]), "auto")
    module.coord_weight = coord_weight
    module._starts_at_zero = True
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
