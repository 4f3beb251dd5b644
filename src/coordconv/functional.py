"""The arithmetic of CoordConv as pure functions; the modules in `coordconv.layers` call these.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer".
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from coordconv.grids import Order, coordinate_grid

__all__ = ["PaddingMode", "append_coordinates", "coord_conv2d"]

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


def append_coordinates(
    x: Tensor,
    *,
    order: Order = "xy",
    span: tuple[float, float] = (-1.0, 1.0),
    radius: bool = False,
) -> Tensor:
    """Append the coordinates of every pixel to the channels of a batch.

    Args:
        x: Shape ``(N, C, *size)`` with one spatial axis or more, of a floating-point type.
        order: Which axis comes first, see `coordinate_grid`.
        span: Coordinates of the first and of the last pixel along every axis.
        radius: Append the distance to the centre as well.

    Returns:
        Shape ``(N, C + d, *size)``, d coordinate channels after the data, with the dtype, the
        device and the memory format of ``x``.

    Raises:
        TypeError: If ``x`` is not of a floating-point type.
        ValueError: If ``x`` has no spatial axis, or the order or the span is unusable.

    Example:
        >>> x = torch.zeros(1, 1, 2, 3)
        >>> append_coordinates(x)[0, 1]
        tensor([[-1.,  0.,  1.],
                [-1.,  0.,  1.]])
    """
    _check_floating_point(x)
    if x.dim() < 3:
        raise ValueError(
            f"x must have shape (N, C, *size) with one spatial axis or more, got {tuple(x.shape)}; "
            "add the missing batch or channel axis with unsqueeze"
        )
    grid = coordinate_grid(
        x.shape[2:], order=order, span=span, radius=radius, dtype=x.dtype, device=x.device
    )
    grid = grid.expand(x.shape[0], *grid.shape)
    if _channels_come_last(x):
        # cat keeps the format only if all its inputs have it.
        grid = grid.movedim(1, -1).contiguous().movedim(-1, 1)
    return torch.cat([x, grid], dim=1)


def coord_conv2d(
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: str | int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    radius: bool = False,
) -> Tensor:
    """Convolve a batch together with the coordinates of its pixels.

    Convolution is linear, so the concatenation need not be built::

        conv([x; coordinates], [W; Wc]) = conv(x, W) + conv(coordinates, Wc)

    The second term is the same for every sample: it is computed once and added to each.

    Convention:
        The coordinates are padded in the same way as the data: with zeros, their margin is 0
        and not an extrapolated position. ``groups`` divides the data channels only; every
        output channel sees all coordinates.

    Args:
        x: Shape (N, C, H, W), or (C, H, W) without a batch, as in ``torch.nn.Conv2d``.
        weight: Shape (out, C / groups, kh, kw).
        coord_weight: Shape (out, 2, kh, kw), or (out, 3, kh, kw) with the radius; the channels
            are x (the column), y (the row) and the radius, all in [-1, 1] but the radius.
        bias: Shape (out,).
        stride: Step of the kernel, in pixels.
        padding: Margin in pixels on each side, ``"same"`` or ``"valid"``.
        dilation: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels.
        padding_mode: What the margin holds.
        radius: The coordinates include the distance to the centre.

    Returns:
        What ``torch.nn.functional.conv2d`` returns for the data alone in shape, dtype and memory
        format, under autocast too.

    Raises:
        TypeError: If ``x`` is not of a floating-point type.
        ValueError: If ``coord_weight`` does not hold one channel per coordinate, or the padding
            mode is unknown.

    Example:
        >>> x, kernel = torch.ones(1, 1, 2, 3), torch.ones(1, 1, 1, 1)
        >>> only_the_column = torch.tensor([10.0, 0.0]).view(1, 2, 1, 1)
        >>> coord_conv2d(x, kernel, only_the_column)
        tensor([[[[-9.,  1., 11.],
                  [-9.,  1., 11.]]]])
    """
    _check_floating_point(x)
    _check_coordinate_channels(coord_weight, radius)
    # At least float32: torch.cat refuses some half types under autocast.
    working = torch.promote_types(coord_weight.dtype, torch.float32)
    grid = coordinate_grid(x.shape[-2:], radius=radius, dtype=working, device=x.device)
    # Joined as (1, d, H, W) and not unsqueezed: Inductor (torch 2.13) fails on a view that it saves
    # for the backward pass of the convolution while sizes are symbolic.
    grid = torch.cat([channel[None] for channel in grid.split(1)], dim=1).to(coord_weight.dtype)
    if padding_mode != "zeros":
        margins = _margins(padding, weight.shape[-2:], dilation)
        x, grid = (_pad(part, margins, padding_mode) for part in (x, grid))
        padding = 0
    data = functional.conv2d(x, weight, bias, stride, padding, dilation, groups)
    # In place: the result stays what the plain convolution returned, in dtype and memory format,
    # and no second output is allocated. The backward pass of a convolution needs only its inputs.
    return data.add_(functional.conv2d(grid, coord_weight, None, stride, padding, dilation)[0])


def _channels_come_last(x: Tensor) -> bool:
    # Strides decide, as in torch: is_contiguous cannot tell the formats apart when C is 1.
    return x.stride(-1) >= x.shape[1] and x.stride(1) == 1


def _check_floating_point(x: Tensor) -> None:
    if not x.is_floating_point():
        raise TypeError(
            f"x must be of a floating-point type, got {x.dtype}; "
            "convert the images first, for example with x.float() / 255"
        )


def _check_coordinate_channels(coord_weight: Tensor, radius: bool) -> None:
    expected = 3 if radius else 2
    if coord_weight.dim() != 4 or coord_weight.shape[1] != expected:
        raise ValueError(
            f"coord_weight must have shape (out, {expected}, kh, kw) for radius={radius}, "
            f"got {tuple(coord_weight.shape)}"
        )


def _pad(x: Tensor, margins: list[int], mode: str) -> Tensor:
    if mode not in ("reflect", "replicate", "circular"):
        raise ValueError(
            f"padding_mode must be 'zeros', 'reflect', 'replicate' or 'circular', got {mode!r}"
        )
    return functional.pad(x, margins, mode)


def _margins(
    padding: str | int | tuple[int, ...], kernel: torch.Size, dilation: int | tuple[int, ...]
) -> list[int]:
    """Return the margins as `torch.nn.functional.pad` takes them: left, right, top, bottom."""
    if padding == "same":
        down, across = (step * (n - 1) for step, n in zip(_pair(dilation), kernel, strict=True))
        # An odd total puts the extra pixel after the picture, as torch.nn.Conv2d does.
        return [across // 2, across - across // 2, down // 2, down - down // 2]
    if isinstance(padding, str) and padding != "valid":
        raise ValueError(f"padding must be numbers, 'same' or 'valid', got {padding!r}")
    vertical, horizontal = (0, 0) if isinstance(padding, str) else _pair(padding)
    return [horizontal, horizontal, vertical, vertical]


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else value
