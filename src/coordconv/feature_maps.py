"""Where the feature map of a crop is in that of the full image, known by its size.

A layer behind a stride sees the coordinates of its own feature map. If the feature map of a crop
has h pixels for n of the crop, that of the full image is taken to have h pixels for every n of it.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from coordconv.affine import divided, is_true, is_whole, is_zero
from coordconv.placements import Placement

__all__ = ["placement_of_feature_map"]

_ADVICE = (
    "let sizes and starts be multiples of the stride of the network (pad the full image to one), "
    "or pass strict=False for positions between the pixels"
)


def placement_of_feature_map(
    placement: Placement, size: Sequence[int], *, strict: bool = True
) -> Placement:
    """Return the placement of a feature map in the feature map of the full image.

    Each of its pixels is taken for a block of pixels of the input, or for a part of one. For the
    exact output of a known layer, see `Placement.stride`.

    Args:
        placement: Where the input of the network is in the full image.
        size: Size of the feature map.
        strict: Require that the feature map of the full image has the pixels of this one: that
            sizes are multiples of one another, and that start and full size are whole numbers
            there. Otherwise positions between its pixels are used.

    Raises:
        ValueError: If ``strict`` and they are not.

    Example:
        >>> crop = Placement((64, 64)).crop((16, 32), (32, 32))
        >>> placement_of_feature_map(crop, (8, 8)) == Placement((16, 16)).crop((4, 8), (8, 8))
        True
    """
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
    """Return the axis of the input that shows all of an axis of the full image."""
    along = _along(placement, axis)
    if len(along) != 1:
        return None
    n, full = placement.size[along[0]], placement.full_size[axis]
    step, start = placement.matrix[axis][along[0]], placement.start[axis]
    if any(isinstance(one, Tensor) for one in (full, step, start)):
        return None
    return along[0] if n == full and (step, start) in ((1, 0), (-1, n - 1)) else None


def _covering(made: Placement, axis: int, along: int, step: int) -> Placement:
    """Return a placement with an axis that shows all of an axis of the full image."""
    n = made.size[along]
    row = tuple(step if b == along else 0 for b in range(len(made.size)))

    def replaced(parts: tuple[Any, ...], part: Any) -> tuple[Any, ...]:
        return (*parts[:axis], part, *parts[axis + 1 :])

    start = replaced(made.start, 0 if step == 1 else n - 1)
    return made.made(made.size, replaced(made.full_size, n), start, replaced(made.matrix, row))


def _check_aligned(placement: Placement, axis: int, made: Placement) -> None:
    """Refuse a feature map whose pixels are not those of the full one, along an axis."""
    along = _along(placement, axis)
    what = f"the feature map has size {made.size} for an input of size {placement.size}"
    pairs = [(placement.size[b], made.size[b]) for b in {axis, *along}]
    if any(n % max(new, 1) and new % max(n, 1) for n, new in pairs):
        raise ValueError(f"{what}, which is not divided or multiplied evenly; {_ADVICE}")
    if not is_true(is_whole(made.full_size[axis])):
        raise ValueError(
            f"{what}, which does not divide axis {axis} of the full image, of size "
            f"{placement.full_size[axis]}, evenly; {_ADVICE}"
        )
    if len(along) > 1:
        return
    # A step of another length, as after a resize, has positions between pixels by nature.
    resized = abs(placement.matrix[axis][along[0]]) != 1
    if not is_true(is_whole(made.start[axis]) | resized):
        raise ValueError(
            f"{what}, which starts at {placement.start[axis]} along axis {axis} of the full image, "
            f"between two pixels of the feature map of the full image; {_ADVICE}"
        )


def _along(placement: Placement, axis: int) -> list[int]:
    return [b for b, step in enumerate(placement.matrix[axis]) if not is_zero(step)]
