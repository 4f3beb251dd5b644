"""Coordinates of pixels, and coordinates at kernel taps, kept between calls if possible.

For a full image, they depend on sizes and options only, not on weights or data.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from coordconv.computation.kept import kept, may_keep
from coordconv.grids import axis_positions
from coordconv.operations import Convolution, TransposedConvolution
from coordconv.pixel_positions import Positions

__all__ = ["JointTaps", "grid_of", "joint_taps_of", "outer_taps"]

Operation = Convolution | TransposedConvolution


@dataclass(frozen=True)
class JointTaps:
    """The coordinates at the kernel taps of all output pixels, as two matrices.

    The coordinate of channel c at a tap is the product of an entry of ``rows`` and an entry of
    ``columns``. The rows combine all axes except the last.

    Attributes:
        rows: Shape (p, c * u), for p rows of output pixels with u taps each.
        columns: Shape (j, c * v), for j output pixels along the last axis with v taps each.
        same_channel: The identity matrix, shape (c, c, 1, 1).
        outputs: Number of output pixels along each axis.
    """

    rows: Tensor
    columns: Tensor
    same_channel: Tensor
    outputs: tuple[int, ...]


def grid_of(x: Tensor, rank: int, positions: Positions, dtype: torch.dtype) -> Tensor:
    """Return ``positions.grid(x, rank, dtype)``, which the caller must not change."""

    def made() -> Tensor:
        return positions.grid(x, rank, dtype)

    if not may_keep(x, positions):
        return made()
    size = x.shape[x.dim() - rank :]
    key = ("grid", size, positions.convention, positions.radius, dtype)
    return kept(key, made)


def joint_taps_of(
    operation: Operation,
    x: Tensor,
    kernel: torch.Size,
    positions: Positions,
    dtype: torch.dtype,
) -> JointTaps:
    """Return the coordinates of the pixels of ``x`` at the taps of a coordinate kernel.

    The caller must not change the result. Each coordinate must depend on only one axis.
    """

    def made() -> JointTaps:
        return _joined(_taps_by_axis(operation, x, kernel, positions, dtype))

    if not may_keep(x, positions):
        return made()
    size = x.shape[-operation.rank :]
    key = ("taps", operation.geometry, size, kernel, positions.convention, dtype)
    return kept(key, made)


def outer_taps(taps: Sequence[Tensor], last: Tensor) -> Tensor:
    """Multiply the taps of several axes, with a result of shape (c, outputs, taps).

    If ``taps`` is empty, the result consists of ones, with the channels and dtype of ``last``.
    """
    if not taps:
        return last.new_ones(last.shape[0], 1, 1)
    joint = taps[0]
    for axis in taps[1:]:
        joint = joint[:, :, None, :, None] * axis[:, None, :, None, :]
        joint = joint.flatten(3, 4).flatten(1, 2)
    return joint


def _joined(taps: Sequence[Tensor]) -> JointTaps:
    """Combine the taps of all axes, each of shape (c, outputs, taps)."""
    last = taps[-1]
    channels = last.shape[0]
    rows = outer_taps(taps[:-1], last).movedim(0, 1).flatten(1)
    # Make the matrix contiguous, or torch splits the batched product into many products.
    columns = last.movedim(0, 1).flatten(1).contiguous()
    same = torch.eye(channels, dtype=last.dtype, device=last.device).view(channels, channels, 1, 1)
    return JointTaps(rows, columns, same, tuple(axis.shape[1] for axis in taps))


def _taps_by_axis(
    operation: Operation, x: Tensor, kernel: torch.Size, positions: Positions, dtype: torch.dtype
) -> list[Tensor]:
    """Return, for each axis, the coordinates at each kernel tap, shape (c, outputs, taps)."""
    rank, convention = operation.rank, positions.convention
    size = x.shape[-rank:]
    taps: dict[int, Tensor] = {}
    axes = axis_positions(size, convention, positions.window, dtype, x.device)
    for axis, (position, _, _, along) in enumerate(axes):
        assert along is not None  # each axis is parallel to one axis of the tensor
        channel = rank - 1 - axis if convention.order == "xy" else axis
        # Along this axis, the channels of all other axes are ones.
        others = (0, 0, channel, rank - 1 - channel)
        values = functional.pad(position[None], others, value=1.0)
        taps[along] = operation.taps(values, along, kernel)
    return [taps[axis] for axis in range(rank)]
