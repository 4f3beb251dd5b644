"""Append coordinates to the channels of a batch."""

import torch
from torch import Tensor
from torch.autograd import forward_ad

from coordconv.computation.memory_format import as_channels_last, batch_is_channels_last
from coordconv.computation.torch_modes import is_traced, may_write_in_place, without_autocast
from coordconv.conventions import Side
from coordconv.operations import Convolution, TransposedConvolution
from coordconv.pixel_positions import Positions

__all__ = ["append", "in_two_parts"]

_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""The memory format by the number of axes of a batch."""


def append(x: Tensor, grid: Tensor, groups: int = 1, side: Side = "after") -> Tensor:
    """Append coordinates to every group of channels, keeping the memory format of ``x``.

    Args:
        x: Shape (N, C, *size).
        grid: Shape (d, *size), or (N, d, *size).
        groups: Number of groups of channels.
        side: Whether the coordinates are after or before the data in each group.

    Returns:
        Shape (N, C + groups * d, *size).
    """
    grid = grid.expand(x.shape[0], *grid.shape[1 - x.dim() :])
    channels_last = batch_is_channels_last(x)
    if channels_last and groups == 1 and _may_copy(x, grid):
        return _copied(x, grid, side)
    if channels_last:
        grid = as_channels_last(grid)  # cat only keeps a format that all its inputs have.
    if groups == 1:
        return _joined(x, grid, side, 1)
    grouped = x.unflatten(1, (groups, -1))
    grid = grid.unsqueeze(1).expand(-1, groups, *[-1] * (grid.dim() - 1))
    joined = _joined(grouped, grid, side, 2).flatten(1, 2)
    return as_channels_last(joined) if channels_last else joined


def in_two_parts(
    operation: Convolution | TransposedConvolution,
    x: Tensor,
    coord_weight: Tensor,
    positions: Positions,
) -> tuple[Tensor, Tensor]:
    """Split each coordinate into two channels, and repeat the coordinate weights.

    The first channel holds the coordinate truncated to 8 significant bits, the precision of
    bfloat16. The second channel holds the rest. So a convolution that rounds its input to 8
    significant bits still uses at least 16 bits of each coordinate.
    """
    outputs_first = operation.outputs_first(coord_weight)
    twice = operation.outputs_first(torch.cat([outputs_first, outputs_first], dim=1))
    grid = positions.grid(x, operation.rank, torch.float32)
    # Split by bits, because Inductor would drop a conversion to a half type and back. Only the
    # rest, grid - high, carries the gradient.
    high = (grid.detach().view(torch.int32) & ~0xFFFF).view(torch.float32)
    return torch.cat([high, grid - high], dim=-1 - operation.rank).to(x.dtype), twice


def _joined(x: Tensor, grid: Tensor, side: Side, dim: int) -> Tensor:
    # Autocast cannot concatenate some half types.
    pair = [x, grid] if side == "after" else [grid, x]
    return without_autocast(x.device.type, torch.cat, pair, dim)


def _may_copy(x: Tensor, grid: Tensor) -> bool:
    """Whether both tensors can be copied into a new one, without gradients."""
    return (
        x.dim() in _CHANNELS_LAST
        and may_write_in_place()
        and not is_traced()
        and type(x) is type(grid) is Tensor
        and not (torch.is_grad_enabled() and (x.requires_grad or grid.requires_grad))
        and forward_ad._current_level < 0
    )


def _copied(x: Tensor, grid: Tensor, side: Side) -> Tensor:
    """Append the grid by two copies in channels last, which is faster than concatenation."""
    shape = (x.shape[0], x.shape[1] + grid.shape[1], *x.shape[2:])
    options = {"dtype": x.dtype, "device": x.device, "memory_format": _CHANNELS_LAST[x.dim()]}
    joined = torch.empty(shape, **options)  # A view could not be changed in place.
    first, second = (x, grid) if side == "after" else (grid, x)
    joined[:, : first.shape[1]] = first
    joined[:, first.shape[1] :] = second
    return joined
