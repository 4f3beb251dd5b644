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

__all__ = ["FactoredTaps", "JointTaps", "grid_of", "joint_taps_of", "outer_taps", "taps_by_axis"]

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


@dataclass(frozen=True)
class FactoredTaps:
    """The coordinates at the kernel taps of all output pixels, as three small matrices.

    The coordinate of channel c at tap t is the sum over r and s of the products of ``one[i, r]``,
    ``others[j, s]`` and an entry of ``core`` for r, s, c and t. This is a Tucker decomposition of
    the coordinates at the taps. ``one`` and ``others`` have fewer columns than in `JointTaps`.

    Attributes:
        one: Shape (i, r), for i output pixels along one axis.
        others: Shape (j, s), for j combinations of output pixels along the other axes.
        core: Shape (s * r, c * t) if ``channels_last``, else (c * t, r * s).
        outputs: Number of output pixels along each axis.
        channels_last: Whether ``one`` is for the last axis, or for the first one.
    """

    one: Tensor
    others: Tensor
    core: Tensor
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
) -> JointTaps | FactoredTaps:
    """Return the coordinates of the pixels of ``x`` at the taps of a coordinate kernel.

    The caller must not change the result. Each coordinate must depend on only one axis. The result
    is factored if it is kept and if this makes it smaller.
    """
    if not may_keep(x, positions):
        taps, _ = taps_by_axis(operation, x, kernel, positions, dtype)
        return _joined(taps, channels_last=channels_last)

    def made() -> JointTaps | FactoredTaps:
        taps, _ = taps_by_axis(operation, x, kernel, positions, torch.float64)
        factored = _factored(taps, dtype, channels_last=channels_last)
        return factored or _joined([axis.to(dtype) for axis in taps], channels_last=channels_last)

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
    one, others = _one_and_others(taps, channels_last=channels_last)
    same = torch.eye(one.shape[0], dtype=one.dtype, device=one.device)
    outputs = tuple(axis.shape[1] for axis in taps)
    return JointTaps(_as_matrix(one), _as_matrix(others), same, outputs, channels_last)


def _one_and_others(taps: Sequence[Tensor], *, channels_last: bool) -> tuple[Tensor, Tensor]:
    """Return the taps of one axis and those of all other axes, both (c, outputs, taps)."""
    if len(taps) == 1:
        return outer_taps((), taps[0]), taps[0]
    if channels_last:
        return taps[-1], outer_taps(taps[:-1], taps[-1])
    return taps[0], outer_taps(taps[1:], taps[0])


def _as_matrix(taps: Tensor) -> Tensor:
    """Convert taps from (c, outputs, taps) to (outputs, c * taps)."""
    # Make the matrix contiguous, or torch splits batched products into many products.
    return taps.movedim(0, 1).flatten(1).contiguous()


def _factored(
    taps: Sequence[Tensor], dtype: torch.dtype, *, channels_last: bool
) -> FactoredTaps | None:
    """Combine and factor the taps of all axes, or return None if this does not make them smaller.

    Args:
        taps: For each axis, shape (c, outputs, taps), in float64.
        dtype: The dtype of the result.
        channels_last: See `FactoredTaps`.
    """
    parts = _one_and_others(taps, channels_last=channels_last)
    (one, of_one), (others, of_others) = map(_lines_and_margins, parts)
    if one.shape[1] * others.shape[1] == of_one.shape[1:].numel() * of_others.shape[1:].numel():
        return None
    if channels_last:
        core = torch.einsum("rcu,scv->srcvu", of_one, of_others).flatten(2).flatten(0, 1)
    else:
        core = torch.einsum("rcu,scv->cuvrs", of_one, of_others).flatten(3).flatten(0, 2)
    outputs = tuple(axis.shape[1] for axis in taps)
    one, others, core = (matrix.to(dtype).contiguous() for matrix in (one, others, core))
    return FactoredTaps(one, others, core, outputs, channels_last)


def _lines_and_margins(taps: Tensor) -> tuple[Tensor, Tensor]:
    """Return taps, shape (c, outputs, taps), as a product of (outputs, r) and (r, c, taps).

    Outside the margins, the coordinates at all taps are on lines, so two columns are enough for
    them. Each output pixel in the margins has its own column. If this does not need fewer columns
    than the taps, the second factor is an identity matrix.
    """
    channels, outputs, length = taps.shape
    matrix = taps.movedim(0, 1).flatten(1)
    if outputs > 2:
        middle = outputs // 2
        steps = torch.arange(outputs, dtype=matrix.dtype, device=matrix.device) - middle
        line = matrix[middle] + steps[:, None] * (matrix[middle] - matrix[middle - 1])
        tolerance = outputs * torch.finfo(matrix.dtype).eps * matrix.abs().amax()
        is_on_line = ((matrix - line).abs() <= tolerance).all(1)
        margins = (~is_on_line).nonzero().flatten()
        if len(margins) + 2 < matrix.shape[1]:
            first, last = is_on_line.nonzero().flatten()[[0, -1]]
            slope = (matrix[last] - matrix[first]) / (last - first)
            own = torch.arange(outputs, device=matrix.device)[:, None] == margins
            left = torch.cat([is_on_line[:, None], (is_on_line * steps)[:, None], own], dim=1)
            right = torch.cat([torch.stack([matrix[middle], slope]), matrix[margins]])
            return left, right.view(-1, channels, length)
    identity = torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    return matrix, identity.view(-1, channels, length)


def taps_by_axis(
    operation: Operation, x: Tensor, kernel: torch.Size, positions: Positions, dtype: torch.dtype
) -> tuple[list[Tensor], list[int]]:
    """Return the coordinates at each kernel tap, and the axis that each coordinate depends on.

    The coordinates are one tensor for each axis, shape (c, outputs, taps). Along other axes than
    its own, a coordinate is 1.
    """
    rank, convention = operation.rank, positions.convention
    size = x.shape[-rank:]
    taps: dict[int, Tensor] = {}
    own_axes = [0] * rank
    axes = axis_positions(size, convention, positions.window, dtype, x.device)
    for axis, (position, _, _, along) in enumerate(axes):
        assert along is not None  # each axis is parallel to one axis of the tensor
        channel = rank - 1 - axis if convention.order == "xy" else axis
        # Along this axis, the channels of all other axes are ones.
        others = (0, 0, channel, rank - 1 - channel)
        values = functional.pad(position[None], others, value=1.0)
        taps[along] = operation.taps(values, along, kernel)
        own_axes[channel] = along
    return [taps[axis] for axis in range(rank)], own_axes
