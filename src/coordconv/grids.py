"""Coordinate grids: input channels with the position of every pixel.

Liu et al. 2018, "An intriguing failing of convolutional neural networks and the CoordConv
solution", arXiv:1807.03247, section "The CoordConv layer" and Figure 3.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from coordconv.affine import LARGEST, is_zero, plain
from coordconv.conventions import Convention, ConventionName, checked_radius
from coordconv.placement_arguments import is_an_integer
from coordconv.placements import Placement, StartAndSize

__all__ = ["AnyWindow", "Window", "coordinate_grid"]


class Window(NamedTuple):
    """Position of a crop in its full image: crop pixel i is pixel start + i of the full image.

    A plain pair ``(start, full_size)`` is also accepted in place of a window. Because a window is a
    tuple, it can be passed through ``torch.compile``, ``torch.export`` and ``torch.func``.

    Attributes:
        start: Index of the crop's first pixel in the full image along each axis, (row, column) for
            an image. It is a sequence of numbers, a tensor of shape (axes,), or a tensor of shape
            (N, axes) with one row per sample. Fractions and starts outside the full image are
            allowed.
        full_size: Size of the full image, (height, width) for an image, in the same forms as
            ``start``.

    Example:
        >>> coordinate_grid((2, 2), window=Window(start=(0, 1), full_size=(2, 3)))[0]
        tensor([[0., 1.],
                [0., 1.]])
    """

    start: Sequence[float] | Tensor
    full_size: Sequence[int] | Tensor


AnyWindow = Window | Placement | StartAndSize


def coordinate_grid(
    size: Sequence[int],
    *,
    convention: Convention | ConventionName = "paper",
    radius: bool = False,
    window: AnyWindow | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Return one channel per axis with the position of every pixel along that axis.

    With the default convention, pixel i of an axis with n pixels is at ``2 i / (n - 1) - 1``. So
    the center of the first pixel is at -1, and the center of the last pixel is at 1. For an
    image, channel 0 is x, the column, and channel 1 is y, the row. If an axis has only one pixel,
    this pixel is midway between the lowest and the highest coordinate. If an axis has length 0, the
    grid is empty.

    Args:
        size: Number of pixels along each axis, (H, W) for an image. At least one axis is
            required. The numbers may be symbolic, as during the export of a model.
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        radius: Whether to append a channel with the distance to the center, in the unit of the
            coordinates. By default, this is the paper's sqrt(x^2 + y^2).
        window: Where these pixels are in a full image, if they are a crop of it: a `Window` or a
            `Placement`. They then get the coordinates that they have in the full image.
        dtype: Floating-point type of the result, by default torch's default type. The arithmetic is
            in float32, or in float64 if ``dtype`` is float64; the result is rounded once.
        device: Device of the grid, by default the device of the tensors in ``window``, if any.

    Returns:
        A tensor of shape ``(d, *size)`` for d axes, or ``(d + 1, *size)`` with the radius. If the
        window has one row per sample, the shape is ``(N, d, *size)`` or ``(N, d + 1, *size)``.

    Raises:
        TypeError: If a size is not an integer, if the dtype is not a floating-point type, or if the
            radius is not True or False.
        ValueError: If a size is negative or ``size`` is empty, if the convention is unknown, or if
            the window does not have one number per axis, or not one row per sample.

    Example:
        >>> coordinate_grid((2, 3))
        tensor([[[-1.,  0.,  1.],
                 [-1.,  0.,  1.]],
        <BLANKLINE>
                [[-1., -1., -1.],
                 [ 1.,  1.,  1.]]])
        >>> coordinate_grid((2, 3), radius=True)[2]
        tensor([[1.4142, 1.0000, 1.4142],
                [1.4142, 1.0000, 1.4142]])
        >>> coordinate_grid((2, 3), convention="deepcell")[1]
        tensor([[0.0000, 0.5000, 1.0000],
                [0.0000, 0.5000, 1.0000]])
    """
    convention = Convention.of(convention)
    dtype = torch.get_default_dtype() if dtype is None else dtype
    size = _checked_size(size)
    _check_dtype(dtype)
    # Half precision cannot resolve adjacent pixels of large grids, so only round the result.
    working = torch.float64 if dtype == torch.float64 else torch.float32
    channels = grid_channels(size, convention, checked_radius(radius), window, working, device)
    return torch.stack(channels, dim=-1 - len(size)).to(dtype)


def grid_channels(
    size: Sequence[int],
    convention: Convention,
    radius: bool,
    window: AnyWindow | None,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> list[Tensor]:
    """Return the channels of `coordinate_grid` one by one, without stacking them."""
    axes = axis_positions(size, convention, window, dtype, device)
    channels = _alike([_spread(axis.position, axis.along, size) for axis in axes])
    if convention.order == "xy":
        channels.reverse()
    if radius:
        channels.append(_radius(axes, size, convention))
    return channels


def coordinates_at(
    indices: Tensor, full_size: Sequence[float], convention: Convention, radius: bool
) -> Tensor:
    """Return the coordinates of pixels at arbitrary positions in a full image.

    Args:
        indices: For each position, its index in the full image along each of the d axes; fractions
            are allowed. Shape (d, *size) or (N, d, *size).
        full_size: Size of the full image.
        convention: What the coordinates mean.
        radius: Whether to append the distance to the center.

    Returns:
        A tensor of shape (d, *size), or (d + 1, *size) with the radius. If ``indices`` starts with
        an axis N, so does the result.
    """
    rank = len(full_size)
    axes = [
        _axis(2 * index + _twice_the_first(0, whole, convention), whole, whole, None, convention)
        for index, whole in zip(indices.unbind(-1 - rank), full_size, strict=True)
    ]
    channels = [axis.position for axis in axes]
    if convention.order == "xy":
        channels.reverse()
    if radius:
        channels.append(_radius(axes, indices.shape[-rank:], convention))
    return torch.stack(channels, dim=-1 - rank)


def _alike(channels: list[Tensor]) -> list[Tensor]:
    """Expand all channels to one row per sample if any channel has one row per sample."""
    if all(channel.shape == channels[0].shape for channel in channels):
        return channels
    return list(torch.broadcast_tensors(*channels))


class AxisPositions(NamedTuple):
    """Positions of pixels along one axis of the full image.

    If the axis is parallel to one axis of the tensor, which has n pixels, ``position`` and
    ``offset`` have shape (n,), or (N, n) with one row per sample. Otherwise, they have shape
    (*size) or (N, *size).
    """

    position: Tensor
    offset: Tensor  # The position relative to the center of the span.
    whole: int | Tensor  # Number of pixels of the full axis; as a tensor, shape (1,) or (N, 1).
    along: int | None  # The parallel axis of the tensor, if there is exactly one.


def axis_positions(
    size: Sequence[int],
    convention: Convention,
    window: AnyWindow | None,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> list[AxisPositions]:
    """Return the positions along every axis of the full image; see `coordinate_grid`."""
    if window is None:
        axes: list[AxisPositions] = []
        for along, length in enumerate(size):
            if axes and not _is_recorded() and length == size[0]:
                # Axes of equal length have equal positions.
                axes.append(axes[0]._replace(along=along))
                continue
            twice = _twice_from_the_middle(length, 0, 1, length, convention, dtype, device)
            axes.append(_axis(twice, length, length, along, convention))
        return axes
    placement = window if isinstance(window, Placement) else Placement.from_window(window, size)
    if placement.size != tuple(size):
        raise ValueError(
            f"the placement has size {placement.size}, but the tensor has size {tuple(size)}"
        )
    _check_rows(placement)
    return [_placed_axis(placement, axis, convention, dtype, device) for axis in range(len(size))]


def _axis(
    twice: Tensor, whole: Any, fitting_whole: Any, along: int | None, convention: Convention
) -> AxisPositions:
    offset, center = _offset(twice, fitting_whole, convention)
    position = offset if isinstance(center, float) and center == 0 else offset + center
    return AxisPositions(position, offset, whole, along)


def _check_rows(placement: Placement) -> None:
    if _is_recorded():
        return
    parts = (placement.full_size, placement.start, *placement.matrix)
    rows = {len(one) for part in parts for one in part if isinstance(one, Tensor) and one.dim()}
    if len(rows - {1}) > 1:
        raise ValueError(
            "the tensors of a window or a placement must have one row per sample, got tensors with "
            f"{' and '.join(map(str, sorted(rows)))} rows"
        )


def _placed_axis(
    placement: Placement,
    axis: int,
    convention: Convention,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> AxisPositions:
    """Return the positions of a placed tensor along one axis of the full image."""
    row, size = placement.matrix[axis], placement.size
    along = [b for b, step in enumerate(row) if not is_zero(step)]
    start, whole, *steps = (
        one.to(device=device, dtype=dtype).unsqueeze(-1) if isinstance(one, Tensor) else one
        for one in (placement.start[axis], placement.full_size[axis], *(row[b] for b in along))
    )
    if device is None:
        tensors = [one for one in (start, whole, *steps) if isinstance(one, Tensor)]
        device = tensors[0].device if tensors else None
    if len(along) == 1:
        length = size[along[0]]
        twice = _twice_from_the_middle(length, start, steps[0], whole, convention, dtype, device)
        return _axis(twice, whole, whole, along[0], convention)
    first, fitting_whole = (
        one.reshape(*one.shape[:-1], *[1] * len(size)) if isinstance(one, Tensor) else one
        for one in (_twice_the_first(start, whole, convention), whole)
    )
    twice = torch.zeros((), dtype=dtype, device=device) + first
    for b, step in zip(along, steps, strict=True):
        counted = 2 * step * torch.arange(size[b], dtype=dtype, device=device)
        twice = twice + _spread(counted, b, size)
    return _axis(twice, whole, fitting_whole, None, convention)


def _is_recorded() -> bool:
    """Whether this call is traced or compiled.

    The graph must also work for other sizes, so square images must not be a special case in it.
    """
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    return tracing or torch.compiler.is_compiling()


def _twice_the_first(start: Any, whole: Any, convention: Convention) -> Any:
    """Return twice the distance of the first pixel from the middle of the full axis."""
    return 2 * start - (whole if convention.alignment == "half_open" else whole - 1)


def _twice_from_the_middle(
    length: Any,
    start: Any,
    step: Any,
    whole: Any,
    convention: Convention,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> Tensor:
    """Return twice the distance of every pixel from the middle of the full axis.

    For pixels of the full image, twice the distance is an integer, even if the distance is not.
    """
    first, step = _twice_the_first(start, whole, convention), 2 * step
    if isinstance(first, int) and isinstance(length, int) and isinstance(step, int):
        return torch.arange(first, first + step * length, step, dtype=dtype, device=device)
    # Use arange, because linspace needs a plain number, which would freeze the size on export.
    # Keep integers as integers, because graph quantizers do not record a range for integers.
    counted = torch.int64 if _is_whole(first) and _is_whole(step) else dtype
    return (step * torch.arange(length, dtype=counted, device=device) + first).to(dtype)


def _is_whole(number: object) -> bool:
    if isinstance(number, Tensor):
        return not number.is_floating_point()
    return isinstance(number, (int, torch.SymInt))


def _offset(twice: Tensor, whole: Any, convention: Convention) -> tuple[Tensor, float | Tensor]:
    """Return the offsets of pixels from the center of the span, and the center itself."""
    steps = whole - 1 if convention.alignment == "corners" else whole
    if convention.span == "pixels":
        return twice / 2, steps / 2
    low, high = convention.span
    # A single pixel is at the center. Convert a symbolic length to a tensor, because max would
    # need its value, and some runtimes do not support torch.sym_max.
    if isinstance(steps, int):
        steps = max(steps, 1)
    else:
        counted = torch.int64 if _is_whole(steps) else twice.dtype
        one = torch.ones(1, dtype=counted, device=twice.device)
        steps = (steps * one).clamp(min=1).to(twice.dtype)
    half = (high - low) / 2
    # Divide first, so that the ends of a span around 0 are exact.
    unit = twice / steps
    return (unit if half == 1 else half * unit), (low + high) / 2


def _spread(values: Tensor, number: int | None, size: Sequence[int]) -> Tensor:
    """Expand values along axis ``number``, shape (n,) or (N, n), over all axes of ``size``."""
    if number is None:
        return values
    shape = [1] * len(size)
    shape[number] = values.shape[-1]
    return values.reshape(*values.shape[:-1], *shape).expand(*values.shape[:-1], *size)


def _radius(axes: list[AxisPositions], size: Sequence[int], convention: Convention) -> Tensor:
    """Return the distance of every pixel to the center, shape (*size) or (N, *size)."""
    if convention.radius == "off_center":
        return _norm([_spread(axis.position - 0.5, axis.along, size) for axis in axes])
    radius = _norm([_spread(axis.offset, axis.along, size) for axis in axes])
    if convention.radius == "euclidean":
        return radius
    corner = _norm([_largest_offset(axis, convention) for axis in axes])
    corner = corner.reshape(*corner.shape[:-1], *[1] * len(size))
    # In an image of one pixel, the radius is 0 instead of 0 / 0.
    return radius / torch.where(corner > 0, corner, torch.ones_like(corner))


def _largest_offset(axis: AxisPositions, convention: Convention) -> Tensor:
    """Return the largest offset along an axis of the full image, shape (1,) or (N, 1).

    This is the offset of the first pixel. With every alignment, no other pixel is farther from the
    center.
    """
    shift = axis.whole if convention.alignment == "half_open" else axis.whole - 1
    twice = shift * torch.ones(1, dtype=axis.offset.dtype, device=axis.offset.device)
    return _offset(twice, axis.whole, convention)[0].abs()


def _norm(parts: list[Tensor]) -> Tensor:
    # Use vector_norm, because the gradient of sqrt of a sum would be 0 / 0 at the center.
    return torch.linalg.vector_norm(torch.stack(_alike(parts)), dim=0)


def _checked_size(size: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(size, Sequence) or not all(map(is_an_integer, size)):
        raise TypeError(f"`size` must be a sequence of integers such as (2, 3), got {size!r}")
    if len(size) == 0 or any(n < 0 for n in size):
        raise ValueError(
            f"`size` must have at least one axis and no negative length, got {tuple(size)}"
        )
    if any(isinstance(n, int) and n > LARGEST for n in size):
        raise ValueError(f"`size` must have lengths of at most {LARGEST}, got {tuple(size)}")
    return tuple(map(plain, size))


def _check_dtype(dtype: torch.dtype) -> None:
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(
            f"`dtype` must be a floating-point type such as torch.float32, got {dtype!r}, "
            "which cannot hold positions between -1 and 1"
        )
