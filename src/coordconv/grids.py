"""Coordinate grids: the channels that tell a convolution where it is.

Liu et al. 2018, "An intriguing failing of convolutional neural networks and the CoordConv
solution", arXiv:1807.03247, section "The CoordConv layer" and Figure 3.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Order", "coordinate_grid"]

Order = Literal["xy", "ij"]


def coordinate_grid(
    size: Sequence[int],
    *,
    order: Order = "xy",
    span: tuple[float, float] = (-1.0, 1.0),
    radius: bool = False,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Return one channel per axis that holds the position of every pixel along that axis.

    Pixel i of an axis with n pixels lies at ``low + (high - low) * i / (n - 1)``: the centres of
    the first and the last pixel lie at the two ends of the span. The only pixel of an axis of
    length 1 lies at the centre of the span. An axis of length 0 gives an empty grid.

    Convention:
        ``order="xy"`` counts the axes from the last to the first: channel 0 is x, the column,
        and channel 1 is y, the row, which grows downwards. ``order="ij"`` keeps the order of
        ``size``: row, then column. The radius comes last, in the unit of the coordinates.

    Args:
        size: Number of pixels along each axis, (H, W) for a picture; one axis or more. The
            numbers may be symbolic, as they are while a model is exported.
        order: Which axis comes first.
        span: Coordinates of the first and of the last pixel, low before high.
        radius: Append the Euclidean distance to the centre of the span; with the default span
            this is the paper's sqrt(x^2 + y^2).
        dtype: Floating-point type of the result, the default type of torch if not given. The
            arithmetic is done in float32 (in float64 where that is asked for) and rounded once.
        device: Where the grid is made.

    Returns:
        Shape ``(d, *size)``, or ``(d + 1, *size)`` with the radius, for d axes.

    Raises:
        TypeError: If a size is not an integer or the dtype is not a floating-point type.
        ValueError: If a size is negative or there is none, or the order or the span is unusable.

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
    """
    dtype = torch.get_default_dtype() if dtype is None else dtype
    _check_size(size)
    _check_choices(order, span, dtype)
    # Half types cannot tell neighbouring pixels apart on large grids: round only the result.
    working = torch.float64 if dtype == torch.float64 else torch.float32
    half, centre = (span[1] - span[0]) / 2, (span[0] + span[1]) / 2
    axes = [half * _centred_axis(length, working, device) for length in size]
    offsets = list(torch.meshgrid(axes, indexing="ij"))
    if order == "xy":
        offsets.reverse()
    offset = torch.stack(offsets)
    grid = offset + centre
    if radius:
        grid = torch.cat([grid, offset.square().sum(dim=0, keepdim=True).sqrt()])
    return grid.to(dtype)


def _centred_axis(length: int, dtype: torch.dtype, device: torch.device | str | None) -> Tensor:
    """Return positions from -1 to 1, symmetric to the last bit, exact at the ends and at 0."""
    # arange and not linspace: linspace needs a plain number, which freezes the size on export.
    steps = torch.arange(length, dtype=dtype, device=device)
    # sym_max and not max: max would ask a symbolic length for its value.
    return (2 * steps - (length - 1)) / torch.sym_max(length - 1, 1)


def _check_size(size: Sequence[int]) -> None:
    if not isinstance(size, Sequence) or not all(isinstance(n, int | torch.SymInt) for n in size):
        raise TypeError(f"size must be a sequence of integers such as (2, 3), got {size!r}")
    if len(size) == 0 or any(n < 0 for n in size):
        raise ValueError(
            f"size must hold at least one axis and no negative length, got {tuple(size)}"
        )


def _check_choices(order: str, span: Sequence[float], dtype: torch.dtype) -> None:
    if order not in ("xy", "ij"):
        raise ValueError(f"order must be 'xy' (column first) or 'ij' (row first), got {order!r}")
    if len(span) != 2 or not -math.inf < span[0] < span[1] < math.inf:
        raise ValueError(f"span must be two finite numbers, low before high, got {span!r}")
    if not dtype.is_floating_point:
        raise TypeError(
            f"dtype must be a floating-point type such as torch.float32, got {dtype}, "
            "which cannot hold positions between -1 and 1"
        )
