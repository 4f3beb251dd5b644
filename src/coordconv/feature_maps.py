"""Infer where the feature map of a crop is in the feature map of the full image.

After a strided layer, coordinates are positions in the smaller feature map instead of the image. If
a crop of n pixels has a feature map of h pixels, the feature map of the full image is assumed to
have h pixels for every n pixels of the full image.
"""

from collections.abc import Sequence
from typing import Any, overload

from torch import Tensor

from coordconv.affine import divided, is_true, is_whole, is_zero
from coordconv.pixel_placements import PixelPlacement
from coordconv.placements import Placement

__all__ = ["placement_of_feature_map"]

_ADVICE = (
    "make all sizes and starts multiples of the stride of the network (pad the full image if "
    "needed), or pass strict=False to allow positions between pixels"
)


@overload
def placement_of_feature_map(
    placement: Placement, size: Sequence[int], *, strict: bool = ...
) -> Placement: ...


@overload
def placement_of_feature_map(
    placement: PixelPlacement, size: Sequence[int], *, strict: bool = ...
) -> PixelPlacement: ...


def placement_of_feature_map(
    placement: Placement | PixelPlacement, size: Sequence[int], *, strict: bool = True
) -> Placement | PixelPlacement:
    """Return the placement of a feature map in the feature map of the full image.

    Each pixel of the feature map is assumed to cover a block of input pixels, or a part of one
    input pixel. For the exact placement of the output of a known layer, see `Placement.stride`.

    Args:
        placement: Where the input of the network is in the full image.
        size: Size of the feature map.
        strict: Require that the pixels of this feature map are pixels of the full image's feature
            map. For this, along each axis, the size of the input must be a multiple or a divisor of
            ``size``, and the start and the full size must be integers when they are converted to
            pixels of the full image's feature map. If False, positions between pixels are allowed.

    Raises:
        ValueError: If ``strict`` is set and these conditions are not met.

    Example:
        >>> crop = Placement((64, 64)).crop((16, 32), (32, 32))
        >>> placement_of_feature_map(crop, (8, 8)) == Placement((16, 16)).crop((4, 8), (8, 8))
        True
    """
    if isinstance(placement, PixelPlacement):
        return placement.at(size, strict=strict)
    size = tuple(size)
    if size == placement.size:
        return placement
    each = zip(placement.size, size, strict=True)
    steps = [divided(n, max(new, 1)) for n, new in each]
    full_size = tuple(divided(n, s) for n, s in zip(placement.full_size, steps, strict=True))
    made = placement.subsampled(steps, [(step - 1) / 2 for step in steps], size, full_size)
    for axis in range(len(size)):
        if (along := _covers(placement, axis)) is not None:
            made = _covering(made, axis, along, placement.matrix[axis][along])
        elif strict:
            _check_aligned(placement, axis, made)
    return made


def _covers(placement: Placement, axis: int) -> int | None:
    """Return the axis of the input that covers all of ``axis`` of the full image, or None."""
    along = _along(placement, axis)
    if len(along) != 1:
        return None
    n, full = placement.size[along[0]], placement.full_size[axis]
    step, start = placement.matrix[axis][along[0]], placement.start[axis]
    if any(isinstance(one, Tensor) for one in (full, step, start)):
        return None
    return along[0] if n == full and (step, start) in ((1, 0), (-1, n - 1)) else None


def _covering(made: Placement, axis: int, along: int, step: int) -> Placement:
    """Return ``made`` with its axis ``along`` covering all of ``axis`` of the full image."""
    n = made.size[along]
    row = tuple(step if b == along else 0 for b in range(len(made.size)))

    def replaced(parts: tuple[Any, ...], part: Any) -> tuple[Any, ...]:
        return (*parts[:axis], part, *parts[axis + 1 :])

    start = replaced(made.start, 0 if step == 1 else n - 1)
    return made.made(made.size, replaced(made.full_size, n), start, replaced(made.matrix, row))


def _check_aligned(placement: Placement, axis: int, made: Placement) -> None:
    """Raise if, along an axis, a feature map has pixels between those of the full image's map."""
    along = _along(placement, axis)
    what = f"the feature map has size {made.size} for an input of size {placement.size}"
    pairs = [(placement.size[b], made.size[b]) for b in {axis, *along}]
    if any(n % max(new, 1) and new % max(n, 1) for n, new in pairs):
        raise ValueError(f"{what}, but neither size evenly divides the other; {_ADVICE}")
    if not is_true(is_whole(made.full_size[axis])):
        raise ValueError(
            f"{what}, but the ratio of these sizes does not evenly divide "
            f"{placement.full_size[axis]}, the size of the full image along axis {axis}; {_ADVICE}"
        )
    if len(along) > 1:
        return
    # After a resize, the pixel spacings differ, so positions between pixels cannot be avoided.
    resized, aligned = abs(placement.matrix[axis][along[0]]) != 1, is_whole(made.start[axis])
    if isinstance(resized, Tensor):
        aligned = aligned | resized
    elif resized:
        return
    if not is_true(aligned):
        raise ValueError(
            f"{what}, and the input starts at {placement.start[axis]} along axis {axis} of the "
            "full image, which is between two pixels of the feature map of the full image; "
            f"{_ADVICE}"
        )


def _along(placement: Placement, axis: int) -> list[int]:
    return [b for b, step in enumerate(placement.matrix[axis]) if not is_zero(step)]
