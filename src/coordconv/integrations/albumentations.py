"""Track the placement of an image through the transforms of albumentations 2.

A placement says where the pixels of a cropped, flipped, resized or rotated image are in the full
image. It is computed from the parameters that albumentations records for each transform.
Transforming key points instead would not be exact, because albumentations flips them like pixel
centers but resizes them like pixel edges.

Example::

    import albumentations as A

    augment = A.Compose([A.HorizontalFlip(), A.RandomResizedCrop((224, 224))])
    sample, placement = apply_with_placement(augment, image=image, mask=mask)
    image = torch.from_numpy(sample["image"]).permute(2, 0, 1)
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from coordconv.integrations.packages import required
from coordconv.integrations.pixel_maps import placed_by, placement_of_input
from coordconv.integrations.refusals import not_affine
from coordconv.placements import Placement

__all__ = ["apply_with_placement"]

Size = tuple[int, int]
Parameters = dict[str, Any]

# SelectiveChannelTransform is missing because it moves only some channels.
_COMPOSITIONS = {
    *("Compose", "OneOf", "OneOrOther", "RandomOrder", "ReplayCompose", "Sequential", "SomeOf"),
}
# These transforms shift the content by a pixel on average.
_SHIFTING = {"Downscale", "GlassBlur", "MotionBlur", "ZoomBlur"}
_STATIONARY = {
    *("CoarseDropout", "ConstrainedCoarseDropout", "Erasing", "FrequencyMasking", "GridDropout"),
    *("MaskDropout", "NoOp", "PixelDropout", "TimeMasking", "ToTensor3D", "ToTensorV2"),
    "XYMasking",
}


def apply_with_placement(
    transform: Any,
    *,
    placement: Placement | None = None,
    stationary: Sequence[type] = (),
    **data: Any,
) -> tuple[dict[str, Any], Placement]:
    """Transform an image, and return the placement of the result.

    Args:
        transform: A ``Compose`` of albumentations.
        placement: The placement of the given image in its full image. By default, the given image
            is the full image.
        stationary: Additional classes of transforms that do not move pixels.
        data: Inputs of the transform: ``image`` of shape (H, W, C), ``mask``, and so on.

    Returns:
        The result of the transform, and the placement of the resulting image.

    Raises:
        ImportError: If albumentations is not installed.
        TypeError: If ``transform`` is not a ``Compose``, or no image is given.
        ValueError: If a transform in the composition is not affine, mixes images, or is not known.
    """
    composition = required("albumentations")
    if not isinstance(transform, composition.Compose) or "image" not in data:
        raise TypeError(
            "expected a Compose and image=..., got "
            f"{type(transform).__name__} and {', '.join(data) or 'nothing'}"
        )
    leaves = [*_leaves(transform)]
    for one in leaves:
        kind = type(one)
        known = kind.__name__ in _MOVING or kind.__name__ in _STATIONARY
        known = known and kind.__module__.startswith("albumentations.")
        known = known or isinstance(one, composition.ImageOnlyTransform)
        known = known and kind.__name__ not in _SHIFTING
        if not known and not isinstance(one, tuple(stationary)):
            raise not_affine(kind.__name__)
    for one in leaves:
        one.params = {}  # Delete the parameters of the previous call.
    kept, transform.save_applied_params = transform.save_applied_params, True
    try:
        result = transform(**data)
    finally:
        transform.save_applied_params = kept
    applied = result["applied_transforms"] if kept else result.pop("applied_transforms")
    _check_complete(applied, leaves)
    placement = placement_of_input(placement, data["image"].shape[:2])
    return result, _placed(placement, applied, _size_of(result["image"]))


def _placed(
    placement: Placement, applied: Sequence[tuple[str, Parameters]], last: Size
) -> Placement:
    """Return the placement after transforms, which each recorded the size of their input image."""
    sizes = [tuple(parameters["shape"][:2]) for _, parameters in applied]
    for number, (name, parameters) in enumerate(applied):
        before, after = sizes[number], [*sizes, last][number + 1]
        if before != placement.size:
            raise ValueError(f"{name} got an image of size {before}, expected {placement.size}")
        if name in _MOVING:
            placement = _MOVING[name](placement, after, parameters)
    if placement.size != last:
        raise ValueError(f"the result has size {last}, but its placement has size {placement.size}")
    return placement


def _check_complete(applied: Sequence[tuple[str, Parameters]], leaves: Sequence[Any]) -> None:
    ran = Counter(type(one).__name__ for one in leaves if one.params)
    told = Counter(name for name, _ in applied)
    if any(told[name] < count for name, count in ran.items() if name in _MOVING):
        raise ValueError(
            f"albumentations applied the transforms {dict(ran)}, but only recorded {dict(told)}, "
            "so the placement of the result is not known"
        )


def _leaves(transform: Any) -> Iterator[Any]:
    """Yield the transforms in a composition and in the compositions inside it."""
    if type(transform).__name__ in _COMPOSITIONS:
        for one in transform.transforms:
            yield from _leaves(one)
    else:
        yield transform


def _size_of(image: Any) -> Size:
    """Return (height, width) of an array, or of a tensor that ToTensorV2 returned."""
    shape = image.shape[-2:] if isinstance(image, torch.Tensor) else image.shape[:2]
    return shape[0], shape[1]


def _warped(placement: Placement, after: Size, parameters: Parameters) -> Placement:
    """Return the placement after an affine map and an optional crop.

    The recorded matrix maps old pixels (x, y) to new pixels.
    """
    inverse = torch.linalg.inv(torch.as_tensor(parameters["matrix"], dtype=torch.float64))
    matrix = inverse[[1, 0, 2]][:, [1, 0, 2]]
    if parameters.get("x_min", -1) < 0:
        return placed_by(placement, matrix, after)
    return placed_by(placement, matrix, placement.size).crop(
        (parameters["y_min"], parameters["x_min"]), after
    )


def _cropped(placement: Placement, after: Size, parameters: Parameters) -> Placement:
    """Return the placement after padding, a crop and a resize, each of which is optional."""
    placement = _padded(placement, after, parameters.get("pad_params") or {})
    left, top, right, bottom = map(int, parameters["crop_coords"])
    return placement.crop((top, left), (bottom - top, right - left)).resize(after)


def _cropped_and_padded(placement: Placement, after: Size, parameters: Parameters) -> Placement:
    if parameters["crop_params"] is not None:
        left, top, right, bottom = map(int, parameters["crop_params"])
        placement = placement.crop((top, left), (bottom - top, right - left))
    if parameters["pad_params"] is not None:
        top, bottom, left, right = map(int, parameters["pad_params"])
        placement = placement.pad((left, right, top, bottom))
    return placement.resize(after)


def _padded(placement: Placement, after: Size, parameters: Parameters) -> Placement:
    sides = ("pad_left", "pad_right", "pad_top", "pad_bottom")
    return placement.pad([int(parameters.get(side, 0)) for side in sides])


def _resized(placement: Placement, after: Size, parameters: Parameters) -> Placement:
    return placement.resize(after)


def _of_the_square(placement: Placement, after: Size, parameters: Parameters) -> Placement:
    """Return the placement after one of the eight symmetries of a square."""
    element = str(parameters["group_element"])
    if element[0] == "r":
        return placement.rot90(int(element[1:]) // 90)
    return {
        "e": lambda: placement,
        "h": lambda: placement.flip(-1),
        "v": lambda: placement.flip(-2),
        "t": lambda: _transposed(placement),
        "hvt": lambda: _transposed(placement).flip(-1, -2),
    }[element]()


def _transposed(placement: Placement) -> Placement:
    return placement.rot90().flip(-2)


_MOVING = {
    **dict.fromkeys(("Affine", "Rotate", "SafeRotate", "ShiftScaleRotate"), _warped),
    **dict.fromkeys(("LongestMaxSize", "RandomScale", "Resize", "SmallestMaxSize"), _resized),
    **dict.fromkeys(
        (
            *("AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "CenterCrop", "Crop"),
            *("CropNonEmptyMaskIfExists", "RandomCrop", "RandomCropFromBorders"),
            *("RandomCropNearBBox", "RandomResizedCrop", "RandomSizedBBoxSafeCrop"),
            "RandomSizedCrop",
        ),
        _cropped,
    ),
    **dict.fromkeys(("D4", "SquareSymmetry"), _of_the_square),
    **dict.fromkeys(("HorizontalFlip", "TimeReverse"), lambda placement, *_: placement.flip(-1)),
    **dict.fromkeys(("Pad", "PadIfNeeded"), _padded),
    "CropAndPad": _cropped_and_padded,
    "RandomRotate90": lambda placement, _, parameters: placement.rot90(int(parameters["factor"])),
    "Transpose": lambda placement, *_: _transposed(placement),
    "VerticalFlip": lambda placement, *_: placement.flip(-2),
}
