"""Coordinate grids: the channels that tell a convolution where it is.

Liu et al. 2018, "An intriguing failing of convolutional neural networks and the CoordConv
solution", arXiv:1807.03247, section "The CoordConv layer" and Figure 3.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coordconv.affine import LARGEST, is_zero
from coordconv.conventions import Convention, checked_radius
from coordconv.placements import Placement

__all__ = ["Window", "coordinate_grid"]


class Window(NamedTuple):
    """Where a crop lies in the whole picture, in pixels: pixel i of it is pixel start + i there.

    A plain pair ``(start, whole)`` serves as well. Being a tuple, it passes through
    ``torch.compile``, ``torch.export`` and ``torch.func``.

    Attributes:
        start: Index, in the whole, of the first pixel of the crop along each axis, (row, column)
            for a picture: numbers, a tensor of shape (axes,), or one of shape (N, axes) with a
            row per sample. Fractions are allowed, and so are starts that lie outside.
        whole: Size of the whole picture, (height, width), in the same forms.

    Example:
        >>> coordinate_grid((2, 2), window=Window(start=(0, 1), whole=(2, 3)))[0]
        tensor([[0., 1.],
                [0., 1.]])
    """

    start: Sequence[float] | Tensor
    whole: Sequence[int] | Tensor


def coordinate_grid(
    size: Sequence[int],
    *,
    convention: Convention | str = "tutorial",
    radius: bool = False,
    window: Window | Placement | tuple | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Return one channel per axis that holds the position of every pixel along that axis.

    With the default convention, pixel i of an axis with n pixels lies at ``2 i / (n - 1) - 1``:
    the centres of the first and of the last pixel lie at -1 and 1, and channel 0 is x, the
    column. The only pixel of an axis of length 1 lies at the centre of the span. An axis of
    length 0 gives an empty grid.

    Args:
        size: Number of pixels along each axis, (H, W) for a picture; one axis or more. The
            numbers may be symbolic, as they are while a model is exported.
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        radius: Append the distance to the centre, in the unit of the coordinates; by default the
            paper's sqrt(x^2 + y^2).
        window: Where these pixels lie in a larger picture, whose positions they then get: a
            `Window` or a `Placement`.
        dtype: Floating-point type of the result, the default type of torch if not given. The
            arithmetic is done in float32 (in float64 where that is asked for) and rounded once.
        device: Where the grid is made; where the window's tensors are, if not given.

    Returns:
        Shape ``(d, *size)``, or ``(d + 1, *size)`` with the radius, for d axes; with one row per
        sample in the window, ``(N, d, *size)`` or ``(N, d + 1, *size)``.

    Raises:
        TypeError: If a size is not an integer, the dtype is not a floating-point type, or the
            radius is not True or False.
        ValueError: If a size is negative or there is none, if the convention is unknown, or if
            the window does not have one number per axis.

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
    _check_size(size)
    _check_dtype(dtype)
    # Half types cannot tell neighbouring pixels apart on large grids: round only the result.
    working = torch.float64 if dtype == torch.float64 else torch.float32
    channels = grid_channels(size, convention, checked_radius(radius), window, working, device)
    return torch.stack(channels, dim=-1 - len(size)).to(dtype)


def grid_channels(
    size: Sequence[int],
    convention: Convention,
    radius: bool,
    window: Window | Placement | tuple | None,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> list[Tensor]:
    """Return the channels of `coordinate_grid` one by one, not yet written to memory."""
    axes = axis_positions(size, convention, window, dtype, device)
    channels = _alike([_spread(axis.position, axis.along, size) for axis in axes])
    if convention.order == "xy":
        channels.reverse()
    if radius:
        channels.append(_radius(axes, size, convention))
    return channels


def _alike(channels: list[Tensor]) -> list[Tensor]:
    """Return channels with one row per sample, if one of them has that."""
    if len({channel.dim() for channel in channels}) == 1:
        return channels
    return list(torch.broadcast_tensors(*channels))


class AxisPositions(NamedTuple):
    """Where pixels lie along one axis of the full image.

    If that runs along one axis of the tensor, of n pixels, of shape (n,), or (N, n) with one row
    per sample; else of shape (*size) or (N, *size).
    """

    position: Tensor
    offset: Tensor  # The same, measured from the center of the span.
    whole: int | Tensor  # Number of pixels of the full axis, a tensor of shape (1,) or (N, 1).
    along: int | None  # The axis of the tensor.


def axis_positions(
    size: Sequence[int],
    convention: Convention,
    window: Window | Placement | tuple | None,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> list[AxisPositions]:
    """Return the positions along every axis of the full image; see `coordinate_grid`."""
    if window is None:
        axes: list[AxisPositions] = []
        for along, length in enumerate(size):
            if axes and not _is_recorded() and length == size[0]:
                axes.append(axes[0]._replace(along=along))  # A square.
                continue
            twice = _twice_from_the_middle(length, 0, 1, length, convention, dtype, device)
            axes.append(_axis(twice, length, length, along, convention))
        return axes
    placement = window if isinstance(window, Placement) else Placement.from_window(window, size)
    if placement.size != tuple(size):
        raise ValueError(
            f"the placement is that of a tensor of size {placement.size}, got size {tuple(size)}"
        )
    return [_placed_axis(placement, axis, convention, dtype, device) for axis in range(len(size))]


def _axis(twice, whole, fitting_whole, along, convention) -> AxisPositions:
    offset, center = _offset(twice, fitting_whole, convention)
    position = offset if isinstance(center, float) and center == 0 else offset + center
    return AxisPositions(position, offset, whole, along)


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
    """Tell whether a graph is made of this call, in which a square must not be a special case."""
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    return tracing or torch.compiler.is_compiling()


def _twice_the_first(start, whole, convention: Convention):
    """Return twice the distance of the first pixel from the middle of the full axis."""
    return 2 * start - (whole if convention.alignment == "half_open" else whole - 1)


def _twice_from_the_middle(length, start, step, whole, convention, dtype, device) -> Tensor:
    """Return twice the distance of every pixel from the middle of the full axis.

    It is a whole number for pixels of the full image.
    """
    first, step = _twice_the_first(start, whole, convention), 2 * step
    if isinstance(first, int) and isinstance(length, int) and isinstance(step, int):
        return torch.arange(first, first + step * length, step, dtype=dtype, device=device)
    # arange and not linspace: linspace needs a plain number, which freezes the size on export.
    # Integers stay integers, of which a quantizer of the graph does not record a range.
    counted = torch.int64 if _is_whole(first) and _is_whole(step) else dtype
    return (step * torch.arange(length, dtype=counted, device=device) + first).to(dtype)


def _is_whole(number: object) -> bool:
    if isinstance(number, Tensor):
        return not number.is_floating_point()
    return isinstance(number, (int, torch.SymInt))


def _offset(twice: Tensor, whole, convention: Convention) -> tuple[Tensor, float | Tensor]:
    """Return the offsets of pixels from the centre of the span, and that centre."""
    steps = whole - 1 if convention.alignment == "corners" else whole
    if convention.span == "pixels":
        return twice / 2, steps / 2
    low, high = convention.span
    # One pixel is at the center. A symbolic length becomes a tensor: max would ask for its value,
    # and not every runtime knows torch.sym_max.
    if isinstance(steps, int):
        steps = max(steps, 1)
    else:
        counted = torch.int64 if _is_whole(steps) else twice.dtype
        one = torch.ones(1, dtype=counted, device=twice.device)
        steps = (steps * one).clamp(min=1).to(twice.dtype)
    half = (high - low) / 2
    # Divided first, so that the ends of a span around 0 are exact.
    unit = twice / steps
    return (unit if half == 1 else half * unit), (low + high) / 2


def _spread(values: Tensor, number: int | None, size: Sequence[int]) -> Tensor:
    """Return values along axis ``number``, shape (n,) or (N, n), spread over all other axes."""
    if number is None:
        return values
    shape = [1] * len(size)
    shape[number] = values.shape[-1]
    return values.reshape(*values.shape[:-1], *shape).expand(*values.shape[:-1], *size)


def _radius(axes: list[AxisPositions], size: Sequence[int], convention: Convention) -> Tensor:
    """Return the distance of every pixel to the centre, shape (*size) or (N, *size)."""
    if convention.radius == "off_centre":
        return _norm([_spread(axis.position - 0.5, axis.along, size) for axis in axes])
    radius = _norm([_spread(axis.offset, axis.along, size) for axis in axes])
    if convention.radius == "euclidean":
        return radius
    corner = _norm([_largest_offset(axis, convention) for axis in axes])
    corner = corner.reshape(*corner.shape[:-1], *[1] * len(size))
    # A picture of one pixel has the radius 0 and not 0 / 0.
    return radius / torch.where(corner > 0, corner, torch.ones_like(corner))


def _largest_offset(axis: AxisPositions, convention: Convention) -> Tensor:
    """Return the largest offset along an axis of the full image, shape (1,) or (N, 1).

    It is that of the first pixel: with every alignment no pixel is farther from the center.
    """
    shift = axis.whole if convention.alignment == "half_open" else axis.whole - 1
    twice = shift * torch.ones(1, dtype=axis.offset.dtype, device=axis.offset.device)
    return _offset(twice, axis.whole, convention)[0].abs()


def _norm(parts: list[Tensor]) -> Tensor:
    # Not the root of a sum of squares, whose gradient at the centre would be 0 / 0.
    return torch.linalg.vector_norm(torch.stack(_alike(parts)), dim=0)


def _check_size(size: Sequence[int]) -> None:
    if not isinstance(size, Sequence) or not all(isinstance(n, (int, torch.SymInt)) for n in size):
        raise TypeError(f"size must be a sequence of integers such as (2, 3), got {size!r}")
    if len(size) == 0 or any(n < 0 for n in size):
        raise ValueError(
            f"size must hold at least one axis and no negative length, got {tuple(size)}"
        )
    if any(isinstance(n, int) and n > LARGEST for n in size):
        raise ValueError(f"size must hold lengths of at most {LARGEST}")


def _check_dtype(dtype: torch.dtype) -> None:
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(
            f"dtype must be a floating-point type such as torch.float32, got {dtype!r}, "
            "which cannot hold positions between -1 and 1"
        )
