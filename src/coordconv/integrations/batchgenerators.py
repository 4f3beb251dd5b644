"""Track placements through the transforms of batchgeneratorsv2, which nnU-Net uses for training.

A placement says where the pixels of a cropped, flipped, resized or rotated image are in the full
image.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from coordconv.placements import Placement

__all__ = ["PLACEMENT", "recorded"]

PLACEMENT = "placement"  # The key of the placement in the dictionary of a sample.

# Transforms of these classes and their subclasses do not move pixels of the image.
_STATIONARY = {
    *("ImageOnlyTransform", "SegOnlyTransform", "MaskImageTransform", "MoveChannelsTransform"),
    *("MoveSegAsOneHotToDataTransform", "Convert3DTo2DTransform", "Convert2DTo3DTransform"),
}


def recorded(transform: Any) -> Any:
    """Make a transform also update the placement of a sample, under the key ``"placement"``.

    Args:
        transform: A transform of batchgeneratorsv2. If it contains other transforms, these are
            replaced in place.

    Returns:
        The transform to use instead of ``transform``.

    Raises:
        ValueError: If it is unknown how the transform moves pixels.
    """
    kinds = [kind.__name__ for kind in type(transform).__mro__]
    for name in ("transforms", "list_of_transforms"):
        if isinstance(inside := getattr(transform, name, None), list):
            inside[:] = [recorded(one) for one in inside]
            return transform
    if "RandomTransform" in kinds:
        transform.transform = recorded(transform.transform)
        return transform
    if not _STATIONARY.isdisjoint(kinds):
        return transform
    moves = [_MOVES[kind] for kind in kinds if kind in _MOVES]
    if not moves:
        raise ValueError(
            f"it is not known how {kinds[0]} moves pixels, so positions after it would be wrong; "
            "leave it out of get_training_transforms"
        )
    return _Recorded(transform, moves[0])


class _Recorded:
    """A transform that also moves the placement of a sample."""

    def __init__(self, transform: Any, move: Callable[..., Placement]) -> None:
        self.transform, self.move = transform, move

    def __call__(self, **sample: Any) -> dict[str, Any]:
        place, size = sample.pop(PLACEMENT), tuple(sample["image"].shape[1:])
        parameters = self.transform.get_parameters(**sample)
        place = self.move(place, size, self.transform, parameters)
        return {**self.transform.apply(sample, **parameters), PLACEMENT: place}


def _mirrored(place: Placement, size: Sequence[int], _: Any, found: Mapping[str, Any]) -> Placement:
    return place.flip(*[axis - len(size) for axis in found["axes"]])


def _turned(place: Placement, size: Sequence[int], _: Any, found: Mapping[str, Any]) -> Placement:
    turns = zip(found["num_rot_per_combination"], found["axis_combinations"], strict=True)
    for turn, axes in turns:  # In `axes`, 0 is the channel axis.
        place = place.rot90(turn, [int(axis) - len(size) - 1 for axis in axes])
    return place


def _transposed(
    place: Placement, size: Sequence[int], _: Any, found: Mapping[str, Any]
) -> Placement:
    order = [axis - 1 for axis in found["axis_order"][1:]]
    rows = [[int(axis == old) for axis in order] for old in range(len(size))]
    return _mapped(place, rows, [0] * len(size), [size[axis] for axis in order])


def _resampled(
    place: Placement, size: Sequence[int], transform: Any, found: Mapping[str, Any]
) -> Placement:
    """Return the placement after SpatialTransform, which crops or samples at a grid of points."""
    new = tuple(map(int, transform.patch_size))
    if found["grid"] is None:
        centers = found["center_location_in_pixels"]
        start = [math.floor(center) - n // 2 for center, n in zip(centers, new, strict=True)]
        return place.crop([0] * (len(place.size) - len(new)) + start, _sized(place, new))
    pixels = _pixels(found["grid"], size, transform.align_corners)
    first = pixels[(0,) * len(new)]
    steps = []
    for axis, n in enumerate(new):
        last = pixels[tuple(n - 1 if other == axis else 0 for other in range(len(new)))]
        # On an axis with one pixel, the distance between pixels has no meaning.
        steps.append((last - first) / (n - 1) if n > 1 else torch.eye(len(new))[axis])
    matrix = torch.stack(steps, dim=-1).double()
    corner = first + matrix @ torch.tensor([n - 1.0 for n in new]).double()
    if (corner - pixels[(-1,) * len(new)]).abs().max() > 0.01:
        raise ValueError(
            "an elastic deformation is not affine, so its result has no placement; set "
            "p_elastic_deform=0 in get_training_transforms, as nnU-Net does"
        )
    return _mapped(place, matrix.tolist(), first.tolist(), new)


def _pixels(grid: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Convert a grid for ``grid_sample`` to pixel coordinates.

    In the grid, the coordinate of the last axis comes first. In the result, it comes last.
    """
    points, sizes = grid.flip(-1).double(), torch.tensor(size).double()
    return (points + 1) * (sizes - 1) / 2 if align_corners else ((points + 1) * sizes - 1) / 2


def _mapped(
    place: Placement, rows: Sequence[Sequence[float]], offset: Sequence[float], size: Sequence[int]
) -> Placement:
    """Return the placement after an affine map of the last axes. Other axes do not change."""
    kept = len(place.size) - len(rows)
    matrix = [[float(a == b) for b in range(len(place.size))] + [0.0] for a in range(kept)]
    both = zip(rows, offset, strict=True)
    matrix += [[*[0.0] * kept, *map(float, row), float(shift)] for row, shift in both]
    return place.affine(matrix, _sized(place, size))


def _sized(place: Placement, size: Sequence[int]) -> tuple[int, ...]:
    return (*place.size[: len(place.size) - len(size)], *map(int, size))


_MOVES: dict[str, Callable[..., Placement]] = {
    "MirrorTransform": _mirrored,
    "Rot90Transform": _turned,
    "TransposeAxesTransform": _transposed,
    "SpatialTransform": _resampled,
}
