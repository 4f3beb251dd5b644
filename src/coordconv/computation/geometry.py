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

    The coordinate of channel c at a tap is the product of an entry of ``one`` and an entry of
    ``others``. The first matrix is for one axis, and the second for all other axes together.

    Attributes:
        one: Shape (i, c * u), for i output pixels along this axis with u taps each. If there is
            only one axis, it belongs to ``others``, and this is (1, c).
        others: Shape (j, c * v), for j combinations of output pixels with v taps each.
        same_channel: The identity matrix, shape (c, c).
        outputs: Number of output pixels along each axis.
        channels_last: Whether ``one`` is for the last axis, or for the first one.
    """

    one: Tensor
    others: Tensor
    same_channel: Tensor
    outputs: tuple[int, ...]
    channels_last: bool


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
    *,
    channels_last: bool,
) -> JointTaps:
    """Return the coordinates of the pixels of ``x`` at the taps of a coordinate kernel.

    The caller must not change the result. Each coordinate must depend on only one axis.
    """

    def made() -> JointTaps:
        taps = _taps_by_axis(operation, x, kernel, positions, dtype)
        return _joined(taps, channels_last=channels_last)

    if not may_keep(x, positions):
        return made()
    size = x.shape[-operation.rank :]
    key = ("taps", operation.geometry, size, kernel, positions.convention, dtype, channels_last)
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


def _joined(taps: Sequence[Tensor], *, channels_last: bool) -> JointTaps:
    """Combine the taps of all axes, each of shape (c, outputs, taps)."""
    if len(taps) == 1:
        one, others = outer_taps((), taps[0]), taps[0]
    elif channels_last:
        one, others = taps[-1], outer_taps(taps[:-1], taps[-1])
    else:
        one, others = taps[0], outer_taps(taps[1:], taps[0])
    same = torch.eye(one.shape[0], dtype=one.dtype, device=one.device)
    outputs = tuple(axis.shape[1] for axis in taps)
    return JointTaps(_as_matrix(one), _as_matrix(others), same, outputs, channels_last)


def _as_matrix(taps: Tensor) -> Tensor:
    """Convert taps from (c, outputs, taps) to (outputs, c * taps)."""
    # Make the matrix contiguous, or torch splits batched products into many products.
    return taps.movedim(0, 1).flatten(1).contiguous()


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
