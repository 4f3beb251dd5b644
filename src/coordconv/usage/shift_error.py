"""Measure how much the outputs of a model's layers depend on the position in the image."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from coordconv.conversion.kinds import checked_model
from coordconv.conversion.report import Rows, as_table
from coordconv.conversion.sizes import evaluating
from coordconv.placement_arguments import checked_each_axis
from coordconv.usage.changes import removed
from coordconv.usage.layer_positions import changed_positions, coordinate_layers, uncompiled

__all__ = ["Sensitivity", "ShiftError", "position_sensitivity"]


class ShiftError(NamedTuple):
    """The shift error of a layer, which shows how much its output depends on position.

    The error is computed from the outputs for two overlapping crops of an image, which show the
    same content at two positions. It is the mean absolute difference between the outputs in the
    overlap, divided by the mean absolute deviation of the output from its mean. It is 0 for a
    convolution without padding.

    Attributes:
        layer: Name of the layer; "" for the model itself.
        interior: The error in the inner half of the overlap.
        border: The error in the rest of the overlap, which zero padding affects first.
        interior_without: The interior error with all coordinates set to zero; None for a model
            without coordinates.
        border_without: The border error with all coordinates set to zero, so that padding is its
            only cause; None for a model without coordinates.
    """

    layer: str
    interior: float
    border: float
    interior_without: float | None
    border_without: float | None


class Sensitivity(Rows[ShiftError]):
    """The shift errors of a model, layer by layer; prints as a table.

    Args:
        rows: The errors, in the order in which the layers are called.
        shift: Number of pixels along each axis by which the images were shifted.
        skipped: Names of layers whose outputs cannot be compared, because the outputs are not
            feature maps, the shift is not a multiple of their stride, the overlap is smaller than
            four pixels of the feature map, or the model does not accept the image sizes from which
            the stride is found.
    """

    def __init__(
        self, rows: Sequence[ShiftError], shift: tuple[int, ...], skipped: Sequence[str]
    ) -> None:
        super().__init__(rows)
        self.shift = shift
        self.skipped: tuple[str, ...] = tuple(skipped)

    def __str__(self) -> str:
        header = ("layer", "interior", "border", "interior, zero", "border, zero")
        rows = [
            (row.layer or "(the model itself)", *("" if e is None else f"{e:.3g}" for e in row[1:]))
            for row in self
        ]
        text = (
            f"Errors for a shift by {self.shift} pixels. In columns with 'zero', all coordinates "
            "were set to zero."
        )
        if self.skipped:
            names = ", ".join(name or "the model itself" for name in self.skipped)
            text += f" These layers could not be compared: {names}."
        return "\n".join([*as_table(header, rows), text])


def position_sensitivity(
    model: nn.Module, images: Tensor, shift: int | Sequence[int]
) -> Sensitivity:
    """Measure how much the outputs of a model and of its layers depend on position.

    Two crops are cut from each image, the second one shifted by ``shift`` pixels along every axis.
    The model is called with each crop as if it were a full image. Where the crops overlap, they
    have the same content at different positions. Any difference between their feature maps there is
    caused by coordinates, or by padding near the border.

    Args:
        model: Any module that takes images. It is called in evaluation mode, without gradients,
            and is not changed. To find the strides, it is also called with smaller parts of the
            first image, with up to ``2 * shift`` pixels less along each axis.
        images: Shape (N, C, *size).
        shift: Number of pixels, or one number for each axis, at most a quarter of the image size.
            Layers are only compared if the shift is a multiple of their stride.

    Returns:
        A sequence with a `ShiftError` for each layer; ``print`` shows it as a table.

    Raises:
        TypeError: If ``model`` is not an ``nn.Module``.
        ValueError: If there is no image, if the images have no spatial axis, or if the shift is not
            a positive integer or too large.

    Example:
        >>> from coordconv import CoordConv2d
        >>> _ = torch.manual_seed(0)
        >>> plain, coordinates = nn.Conv2d(1, 4, 1), CoordConv2d(1, 4, 1)
        >>> images = torch.randn(2, 1, 20, 20)
        >>> position_sensitivity(plain, images, 4)[-1].interior
        0.0
        >>> position_sensitivity(coordinates, images, 4)[-1].interior > 0.1
        True
    """
    if not isinstance(images, Tensor) or images.dim() < 3 or not len(images):
        given = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(
            "`images` must be a tensor of shape (N, C, *size) with at least one image and one "
            f"spatial axis, got {given}"
        )
    size = tuple(images.shape[2:])
    steps = _checked_shift(shift, size)
    first, second = (
        images[(..., *(slice(at * s, n - (1 - at) * s) for s, n in zip(steps, size, strict=True)))]
        for at in (0, 1)
    )
    with evaluating(checked_model(model)), torch.no_grad(), uncompiled():
        shifts = _map_shifts(model, images, steps)
        found, skipped = _errors(model, first, second, shifts, None)
        try:
            layers = coordinate_layers(model)
        except ValueError:
            layers = {}
        without = _errors(model, first, second, shifts, layers)[0] if layers else {}
    none = (None, None)
    rows = [ShiftError(name, *errors, *without.get(name, none)) for name, errors in found.items()]
    return Sensitivity(rows, steps, skipped)


def _checked_shift(shift: int | Sequence[int], size: tuple[int, ...]) -> tuple[int, ...]:
    steps = checked_each_axis("shift", shift, len(size), least=1)
    if any(s > n // 4 for s, n in zip(steps, size, strict=True)):
        raise ValueError(
            f"`shift` must be between 1 and a quarter of the size {size} along each axis, got "
            f"{shift!r}"
        )
    return steps


def _errors(
    model: nn.Module,
    first: Tensor,
    second: Tensor,
    shifts: dict[str, tuple[int, ...]],
    layers: dict[nn.Module, str] | None,
) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """Return the errors by name of the layer, and the names of layers that cannot be compared.

    If ``layers`` is given, the coordinates of these layers are set to zero.
    """
    with ExitStack() as stack:
        if layers:
            stack.enter_context(changed_positions(layers, removed))
        before, after = (_outputs(model, crop) for crop in (first, second))
    errors, skipped = {}, []
    for name, maps in before.items():
        shift = shifts.get(name)
        if shift is None or not _has_border(maps.shape[2:], shift):
            skipped.append(name)
        else:
            errors[name] = _error(maps, after[name], shift)
    return errors, skipped


def _outputs(model: nn.Module, images: Tensor) -> dict[str, Any]:
    """Return the outputs of the model and of all modules without submodules, by name."""
    outputs: dict[str, Any] = {}
    hooks = [
        module.register_forward_hook(partial(_keep, outputs, name))
        for name, module in model.named_modules()
        if name == "" or not any(True for _ in module.children())
    ]
    try:
        model(images.clone())  # The model may change its input in place.
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


def _keep(outputs: dict[str, Any], name: str, _module: nn.Module, _args: Any, output: Any) -> None:
    # The next module may change the output in place.
    outputs[name] = output.clone() if isinstance(output, Tensor) else output


def _map_shifts(
    model: nn.Module, images: Tensor, steps: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Return by how many pixels the feature maps move, by name of the layer.

    Layers whose feature maps do not move by a whole number of pixels are omitted.
    """
    size = images.shape[2:]
    # Every remainder of the size occurs, so that no stride can be mistaken for another.
    sizes = [
        _sizes(model, images[(slice(1), slice(None), *map(slice, smaller))])
        for less in range(2 * max(steps) + 1)
        for smaller in [[n - min(less, 2 * s) for n, s in zip(size, steps, strict=True)]]
    ]
    shifts = {}
    for name in sizes[0]:
        seen = [one.get(name) for one in sizes]
        moved = [
            _map_shift([None if one is None else one[axis] for one in seen], step)
            for axis, step in enumerate(steps)
        ]
        if None not in moved:
            shifts[name] = tuple(moved)
    return shifts


def _sizes(model: nn.Module, images: Tensor) -> dict[str, tuple[int, ...]]:
    """Return the sizes of the feature maps; empty if the model does not accept the image size."""
    try:
        outputs = _outputs(model, images)
    except Exception:  # Each model has its own error for this.
        return {}
    return {
        name: tuple(maps.shape[2:])
        for name, maps in outputs.items()
        if isinstance(maps, Tensor) and maps.dim() == images.dim()
    }


def _map_shift(lengths: list[int | None], step: int) -> int | None:
    """Return by how many pixels a feature map moves along an axis; None if that is not known.

    If the stride divides the shift, removing ``step`` pixels from an image of any size makes the
    map smaller by the same number of pixels. With any other stride, this number varies.

    Args:
        lengths: Length of the map for images that are smaller by 0, 1, 2, ... pixels; None for
            images that the model does not accept.
        step: The shift of the images.
    """
    if None in (lengths[0], lengths[step], lengths[2 * step]):
        return None
    pairs = zip(lengths[: step + 1], lengths[step : 2 * step + 1], strict=True)
    found = {a - b for a, b in pairs if a is not None and b is not None}
    moved = found.pop()
    return None if found or moved < 1 else moved


def _has_border(size: Sequence[int], shift: tuple[int, ...]) -> bool:
    """Whether the overlap of two feature maps has pixels outside its inner half."""
    overlap = [n - s for n, s in zip(size, shift, strict=True)]
    return min(overlap) >= 1 and max(overlap) >= 4


def _error(maps: Tensor, others: Tensor, shift: tuple[int, ...]) -> tuple[float, float]:
    """Return the error in the inner half of the overlap, and the error in the rest of it."""
    each = [*zip(shift, maps.shape[2:], strict=True)]
    before = maps[(..., *(slice(s, None) for s, _ in each))].double()
    after = others[(..., *(slice(None, n - s) for s, n in each))].double()
    difference = (before - after).abs().mean((0, 1))
    scale = (maps.double() - maps.double().mean()).abs().mean().clamp_min(1e-300)
    inner = torch.zeros_like(difference, dtype=torch.bool)
    inner[tuple(slice(n // 4, n - n // 4) for n in difference.shape)] = True
    return float(difference[inner].mean() / scale), float(difference[~inner].mean() / scale)
