"""Change the positions that a layer is given, to test what depends on the positions.

Each change takes the positions of a layer and returns the arguments to call the layer with instead.
"""

from collections.abc import Sequence
from typing import Any

import torch

from coordconv.affine import added, applied
from coordconv.placements import Placement
from coordconv.usage.layer_positions import Change, LayerPositions

__all__ = ["averaged", "mirrored", "of_another_sample", "removed", "shifted", "shuffled"]


def removed(seen: LayerPositions) -> dict[str, Any]:
    """Set all coordinates to zero, so that they add nothing to the outputs."""
    return {"coordinates": torch.zeros_like(seen.grid)}


def averaged(seen: LayerPositions) -> dict[str, Any]:
    """Give every pixel of all samples the mean of the coordinates of the full image.

    The mean over a crop would reveal the position of the crop. If the full image is not known, the
    mean over the batch is used.
    """
    grid, full = seen.grid, seen.full_image
    axes = tuple(range(-seen.rank, 0))
    mean = (grid if full is None else full.to(grid)).mean(axes, keepdim=True)
    if mean.dim() == seen.rank + 2:
        mean = mean.mean(0)
    return {"coordinates": mean.expand(mean.shape[0], *seen.size)}


def mirrored(axis: int) -> Change:
    """Return a change that mirrors positions along spatial axis ``axis`` of the full image."""

    def change(seen: LayerPositions) -> dict[str, Any]:
        placement = seen.placement
        if placement is None:
            return {"coordinates": seen.grid.flip(axis - seen.rank)}
        start = placement.full_size[axis] - 1 - placement.start[axis]
        return {"window": _with_axis(placement, axis, start, -1)}

    return change


def shifted(axis: int, fraction: float) -> Change:
    """Return a change that shifts positions along an axis, by a fraction of the full image size.

    Raises:
        ValueError: When the change is called, if the model gives the layer explicit coordinates.
    """

    def change(seen: LayerPositions) -> dict[str, Any]:
        placement = seen.placement
        if placement is None:
            raise ValueError(
                "explicit coordinates cannot be shifted, because their unit is not known; pass "
                "shifts=()"
            )
        shift = applied(((fraction,),), [placement.full_size[axis]])
        (start,) = added([placement.start[axis]], shift)
        return {"window": _with_axis(placement, axis, start, 1)}

    return change


def shuffled(seed: int) -> Change:
    """Return a change that shuffles the coordinates of pixels, in the same way for all samples."""

    def change(seen: LayerPositions) -> dict[str, Any]:
        grid = seen.grid.flatten(-seen.rank)
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(grid.shape[-1], generator=generator).to(grid.device)
        return {"coordinates": grid[..., order].unflatten(-1, seen.size)}

    return change


def of_another_sample(seen: LayerPositions) -> dict[str, Any]:
    """Give every sample the coordinates of the previous sample in the batch."""
    grid = seen.grid
    per_sample = grid.dim() == seen.rank + 2
    return {"coordinates": grid.roll(1, 0) if per_sample else grid}


def _with_axis(placement: Placement, axis: int, start: Any, sign: int) -> Placement:
    """Return a placement with another start along an axis, reversed there if ``sign`` is -1."""

    def replaced(parts: Sequence[Any], part: Any) -> tuple[Any, ...]:
        return (*parts[:axis], part, *parts[axis + 1 :])

    row = tuple(sign * step for step in placement.matrix[axis])
    return Placement.made(
        placement.size,
        placement.full_size,
        replaced(placement.start, start),
        replaced(placement.matrix, row),
    )
