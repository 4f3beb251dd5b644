"""Coordinate grids: the channels that tell a convolution where it is.

Liu et al. 2018, "An intriguing failing of convolutional neural networks and the CoordConv
solution", arXiv:1807.03247, section "The CoordConv layer" and Figure 3.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coordconv.conventions import Convention, checked_radius

__all__ = ["Window", "coordinate_grid"]


# Up to here every whole number is a float.
_LARGEST = 2**53


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
    window: Window | tuple | None = None,
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
        window: Where these pixels lie in a larger picture, whose positions they then get.
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
    window: Window | tuple | None,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> list[Tensor]:
    """Return the channels of `coordinate_grid` one by one, not yet written to memory."""
    axes = axis_positions(size, convention, window, dtype, device)
    channels = [_spread(axis.position, number, size) for number, axis in enumerate(axes)]
    if convention.order == "xy":
        channels.reverse()
    if radius:
        channels.append(_radius(axes, size, convention))
    return channels


class AxisPositions(NamedTuple):
    """The pixels along one axis, each of shape (n,), or (N, n) with one row per sample."""

    position: Tensor
    offset: Tensor  # The same, measured from the centre of the span.
    whole: int | Tensor  # Number of pixels of the whole axis, a tensor of shape (1,) or (N, 1).


def axis_positions(
    size: Sequence[int],
    convention: Convention,
    window: Window | tuple | None,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> list[AxisPositions]:
    """Return the positions along every axis of a picture; see `coordinate_grid`."""
    axes: list[AxisPositions] = []
    windows = _axis_windows(size, window, dtype, device)
    for length, (start, whole) in zip(size, windows, strict=True):
        if axes and window is None and not _is_recorded() and length == size[0]:
            axes.append(axes[0])  # A square.
            continue
        place = start.device if device is None and isinstance(start, Tensor) else device
        twice = _twice_from_the_middle(length, start, whole, convention, dtype, place)
        offset, centre = _offset(twice, whole, convention)
        position = offset if isinstance(centre, float) and centre == 0 else offset + centre
        axes.append(AxisPositions(position, offset, whole))
    return axes


def _is_recorded() -> bool:
    """Tell whether a graph is made of this call, in which a square must not be a special case."""
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    return tracing or torch.compiler.is_compiling()


def _axis_windows(
    size: Sequence[int],
    window: Window | tuple | None,
    dtype: torch.dtype,
    device: torch.device | str | None,
) -> list[tuple]:
    """Return (start, whole) for every axis: numbers, or tensors that broadcast over pixels."""
    if window is None:
        return [(0, length) for length in size]
    if not isinstance(window, (tuple, list)) or len(window) != 2:
        raise ValueError(
            f"window must be a pair (start, whole) such as ((0, 8), (64, 64)), got {window!r}"
        )
    columns: list[list] = []
    for name, numbers in zip(("start", "whole"), window, strict=True):
        if isinstance(numbers, Tensor) and numbers.dim() in (1, 2):
            column = list(numbers.to(device=device, dtype=dtype).unsqueeze(-1).unbind(-2))
        elif isinstance(numbers, (tuple, list)) and all(_is_a_number(n) for n in numbers):
            column = list(numbers)
        else:
            column = []
        if len(column) != len(size):
            raise ValueError(
                f"window {name} must hold one number for each of the {len(size)} axes, a sequence "
                f"or a tensor of shape ({len(size)},) or (N, {len(size)}), got {numbers!r}"
            )
        columns.append(column)
    if any(isinstance(whole, int) and whole < 1 for whole in columns[1]):
        raise ValueError(f"window whole must hold sizes of at least 1, got {window[1]!r}")
    return list(zip(*columns, strict=True))


def _is_a_number(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) <= _LARGEST
    return isinstance(value, (float, torch.SymInt, torch.SymFloat))


def _twice_from_the_middle(length, start, whole, convention, dtype, device) -> Tensor:
    """Return twice the distance of every pixel from the middle of the whole, a whole number."""
    shift = whole if convention.alignment == "half_open" else whole - 1
    first = 2 * start - shift
    if isinstance(first, int) and isinstance(length, int):
        return torch.arange(first, first + 2 * length, 2, dtype=dtype, device=device)
    # arange and not linspace: linspace needs a plain number, which freezes the size on export.
    # Integers stay integers, of which a quantizer of the graph does not record a range.
    counted = torch.int64 if _is_whole(first) else dtype
    return (2 * torch.arange(length, dtype=counted, device=device) + first).to(dtype)


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


def _spread(values: Tensor, number: int, size: Sequence[int]) -> Tensor:
    """Return values along axis ``number``, shape (n,) or (N, n), spread over all other axes."""
    shape = [1] * len(size)
    shape[number] = values.shape[-1]
    return values.reshape(*values.shape[:-1], *shape).expand(*values.shape[:-1], *size)


def _radius(axes: list[AxisPositions], size: Sequence[int], convention: Convention) -> Tensor:
    """Return the distance of every pixel to the centre, shape (*size) or (N, *size)."""
    if convention.radius == "off_centre":
        return _norm([_spread(axis.position - 0.5, n, size) for n, axis in enumerate(axes)])
    radius = _norm([_spread(axis.offset, n, size) for n, axis in enumerate(axes)])
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
    return torch.linalg.vector_norm(torch.stack(parts), dim=0)


def _check_size(size: Sequence[int]) -> None:
    if not isinstance(size, Sequence) or not all(isinstance(n, (int, torch.SymInt)) for n in size):
        raise TypeError(f"size must be a sequence of integers such as (2, 3), got {size!r}")
    if len(size) == 0 or any(n < 0 for n in size):
        raise ValueError(
            f"size must hold at least one axis and no negative length, got {tuple(size)}"
        )
    if any(isinstance(n, int) and n > _LARGEST for n in size):
        raise ValueError(f"size must hold lengths of at most {_LARGEST}")


def _check_dtype(dtype: torch.dtype) -> None:
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(
            f"dtype must be a floating-point type such as torch.float32, got {dtype!r}, "
            "which cannot hold positions between -1 and 1"
        )
