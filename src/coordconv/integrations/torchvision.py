"""Track the placements of images through the v2 transforms of torchvision.

A placement says where the pixels of a cropped, flipped, resized or rotated image are in the full
image. To compute it, a tensor of a special type is transformed together with the image and records
the exact map of each operation. Transforming key points instead would not be exact, because
torchvision flips them like pixel centers but resizes them like pixel edges.

Example::

    from torchvision.transforms import v2

    augment = v2.Compose([v2.RandomResizedCrop(224), v2.RandomHorizontalFlip()])
    image, placement = apply_with_placement(augment, image)
"""

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from coordconv.integrations.packages import required
from coordconv.integrations.pixel_maps import placed_by, placement_of_input
from coordconv.integrations.refusals import not_affine
from coordconv.placements import Placement

__all__ = ["apply_with_placement"]

Size = tuple[int, int]

_MOVING = {
    *("CenterCrop", "Pad", "RandomAffine", "RandomCrop", "RandomHorizontalFlip", "RandomIoUCrop"),
    *("RandomResize", "RandomResizedCrop", "RandomRotation", "RandomShortestSize"),
    *("RandomVerticalFlip", "RandomZoomOut", "Resize", "ScaleJitter"),
}
_STATIONARY = {
    *("ClampBoundingBoxes", "ClampKeyPoints", "ColorJitter", "ConvertBoundingBoxFormat"),
    *("ConvertImageDtype", "GaussianBlur", "GaussianNoise", "Grayscale", "Identity", "JPEG"),
    *("Normalize", "PILToTensor", "RandomAdjustSharpness", "RandomAutocontrast"),
    *("RandomChannelPermutation", "RandomEqualize", "RandomErasing", "RandomGrayscale"),
    *("RandomInvert", "RandomPhotometricDistort", "RandomPosterize", "RandomSolarize", "RGB"),
    *("SanitizeBoundingBoxes", "SanitizeKeyPoints", "SetClampingMode", "ToDtype", "ToImage"),
    *("ToPILImage", "ToPureTensor", "ToTensor", "UniformTemporalSubsample"),
}
_CONVERTING = {"ToImage", "ToPILImage", "ToTensor"}
_TRACKED = "coordconv.placement"  # The key of the tracked placement in a dictionary.


def apply_with_placement(
    transform: nn.Module,
    *inputs: Any,
    placement: Placement | None = None,
    stationary: Sequence[type] = (),
) -> tuple[Any, Placement]:
    """Transform a sample, and return the placement of its image.

    Args:
        transform: A v2 transform, such as a ``Compose``.
        inputs: The inputs of the transform: an image, or an image and targets.
        placement: The placement of the given image in its full image. By default, the given image
            is the full image.
        stationary: Additional classes of transforms that do not move pixels.

    Returns:
        Two items. The first is the transformed image or, with targets, a tuple of the transformed
        image and targets. The second is the placement of the transformed image.

    Raises:
        ImportError: If torchvision is not installed.
        ValueError: If a transform is not affine, mixes images, or is not known, or if torchvision
            would not transform the image of the sample.
    """
    v2 = required("torchvision.transforms.v2")
    _check(transform, tuple(stationary))
    if _is_array(_image_of(inputs)) and _first(transform) not in _CONVERTING:
        raise ValueError(
            "torchvision does not transform NumPy images: begin the Compose with ToImage, or pass "
            "a tensor, an Image or a PIL image"
        )
    record = _Record(placement_of_input(placement, _size_of(inputs, v2)))
    tracked = torch.zeros(0).as_subclass(_tracked_type())
    tracked.record = record
    given = _with(inputs, tracked)
    with ExitStack() as stack:
        for one in {*_leaves(transform)}:
            if not _is_known(one) and isinstance(one, nn.Module):
                stack.enter_context(_hidden(one, tracked))
        output = transform(*given)
    outputs = _without((output,) if len(given) == 1 else output)
    if record.placement.size != _size_of(outputs, v2):
        raise ValueError(
            f"the transformed image has size {_size_of(outputs, v2)}, but its placement has size "
            f"{record.placement.size}; all images of a sample must have the same size"
        )
    return (outputs[0] if len(outputs) == 1 else tuple(outputs)), record.placement


@contextmanager
def _hidden(module: nn.Module, tracked: Any) -> Generator[None]:
    """Hide the tracked placement from a transform, which might transform or reject it."""

    def removed(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return _without(inputs)

    def restored(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        outputs: Any = _with(output if len(inputs) > 1 else (output,), tracked)
        return outputs if len(outputs) > 1 else outputs[0]

    handles = [
        module.register_forward_pre_hook(removed),
        module.register_forward_hook(restored),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _with(sample: tuple[Any, ...], tracked: Any) -> tuple[Any, ...]:
    """Return a sample to which the tracked placement was added.

    A sample that is a single dictionary, list or tuple keeps its structure, because transforms such
    as SanitizeBoundingBoxes search it for labels.
    """
    first: Any = sample[0] if len(sample) == 1 else None
    if type(first) is dict:
        return ({**first, _TRACKED: tracked},)
    if type(first) in (list, tuple):
        return (type(first)([*first, tracked]),)
    return (*sample, tracked)


def _without(sample: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the sample that was passed to `_with`."""
    first: Any = sample[0] if len(sample) == 1 else None
    if type(first) is dict:
        return ({key: value for key, value in first.items() if key != _TRACKED},)
    return (first[:-1],) if type(first) in (list, tuple) else sample[:-1]


class _Record:
    """Holds the placement after the operations so far."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement


@cache
def _tracked_type() -> type[Any]:
    """Return a tensor type for which the geometric operations of torchvision are registered."""
    v2 = required("torchvision.transforms.v2")
    base = required("torchvision.tv_tensors").TVTensor

    class TrackedPlacement(base):
        record: _Record

    def register(name: str) -> None:
        functional = getattr(v2.functional, name)

        @v2.functional.register_kernel(functional, TrackedPlacement)
        def kernel(tracked: Any, *args: Any, **options: Any) -> Any:
            record = tracked.record
            if name not in _OPERATIONS:
                raise not_affine(name)
            # An image without memory. It has one channel, so fills with three values do not fit.
            image = torch.empty(1, *record.placement.size, device="meta")
            unfilled = {key: value for key, value in options.items() if key != "fill"}
            size = tuple(functional(image, *args, **unfilled).shape[-2:])
            record.placement = _OPERATIONS[name](record.placement, size, *args, **options)
            return tracked

    for name in (*_OPERATIONS, "perspective", "elastic"):
        register(name)
    return TrackedPlacement


def _resized(placement: Placement, new: Size, /, *_: Any, **__: Any) -> Placement:
    return placement.resize(new)


def _cropped(
    placement: Placement, new: Size, /, top: int, left: int, height: int, width: int
) -> Placement:
    return placement.crop((top, left), (height, width))


def _cropped_and_resized(
    placement: Placement, new: Size, /, top: int, left: int, height: int, width: int, **_: Any
) -> Placement:
    return placement.crop((top, left), (height, width)).resize(new)


def _center_cropped(placement: Placement, new: Size, /, *_: Any, **__: Any) -> Placement:
    starts = []
    for old, length in zip(placement.size, new, strict=True):
        before = max(length - old, 0) // 2
        starts.append(round((max(old, length) - length) / 2) - before)
    return placement.crop(starts, new)


def _padded(placement: Placement, new: Size, /, padding: Any, *_: Any, **__: Any) -> Placement:
    each = [padding] if isinstance(padding, int) else list(padding)
    left, top = each[0], each[1 if len(each) > 1 else 0]
    return placement.crop((-top, -left), new)


def _turned(
    placement: Placement,
    new: Size,
    /,
    angle: float,
    interpolation: Any = None,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Placement:
    return _warped(placement, new, -angle, (0, 0), 1, (0, 0), center=center)


def _warped(
    placement: Placement,
    new: Size,
    /,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Any = None,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Placement:
    """Return the placement after a rotation (angles are clockwise), a scale and a shear."""
    shears = [shear, 0] if isinstance(shear, (int, float)) else [*shear, *shear][:2]
    turn, (along_x, along_y) = math.radians(angle), map(math.radians, shears)
    c, s = math.cos(turn), math.sin(turn)
    linear = scale * (
        _float64([[c, -s], [s, c]])
        @ _float64([[1, 0], [-math.tan(along_y), 1]])
        @ _float64([[1, -math.tan(along_x)], [0, 1]])
    )
    # In (x, y), from the middle of the image: new = linear @ (old - pivot) + pivot + translate.
    old_middle, new_middle = (_middle(size) for size in (placement.size, new))
    pivot = _float64([0, 0]) if center is None else _float64(center) - 0.5 - old_middle
    inverse = torch.linalg.inv(linear)
    shift = old_middle + pivot - inverse @ (new_middle + pivot + _float64(translate))
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[:2, :2], matrix[:2, 2] = inverse.flip(0, 1), shift.flip(0)
    return placed_by(placement, matrix, new)


def _middle(size: Sequence[int]) -> Tensor:
    return _float64([(n - 1) / 2 for n in reversed(size)])


def _float64(numbers: Any) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


_OPERATIONS = {
    "horizontal_flip": lambda placement, size: placement.flip(-1),
    "vertical_flip": lambda placement, size: placement.flip(-2),
    "resize": _resized,
    "crop": _cropped,
    "resized_crop": _cropped_and_resized,
    "center_crop": _center_cropped,
    "pad": _padded,
    "rotate": _turned,
    "affine": _warped,
}


def _check(transform: nn.Module, stationary: tuple[type, ...]) -> None:
    leaves = [*_leaves(transform)]
    for number, one in enumerate(leaves):
        kind = type(one)
        if not _is_known(one) and not isinstance(one, stationary):
            if kind.__module__.startswith("torchvision.transforms.") and not _is_of_v2(one):
                raise ValueError(
                    f"{kind.__name__} of torchvision.transforms is not supported: use the "
                    "transforms of torchvision.transforms.v2"
                )
            raise not_affine(kind.__name__)
        dtype = getattr(one, "dtype", None)
        if kind.__name__ == "ToDtype" and isinstance(dtype, dict) and "others" not in dtype:
            raise ValueError(
                "the `dtype` of ToDtype must have a key 'others' if it is a dictionary, because "
                'the placement is transformed with the image: add "others": None'
            )
        if kind.__name__ == "ToPureTensor" and number < len(leaves) - 1:
            raise ValueError(
                "ToPureTensor must be the last transform, because transforms after it are not "
                "recorded"
            )


def _leaves(transform: Any) -> Iterator[Any]:
    """Yield the transforms in a composition and in the compositions inside it."""
    kind = type(transform).__name__ if _is_of_v2(transform) else ""
    if kind in ("Compose", "RandomApply", "RandomChoice", "RandomOrder"):
        # In a RandomOrder, each transform may be applied after any other.
        for one in [*transform.transforms] * (2 if kind == "RandomOrder" else 1):
            yield from _leaves(one)
    else:
        yield transform


def _is_known(transform: Any) -> bool:
    return _is_of_v2(transform) and type(transform).__name__ in _MOVING | _STATIONARY


def _is_of_v2(transform: Any) -> bool:
    return type(transform).__module__.startswith("torchvision.transforms.v2.")


def _first(transform: Any) -> str:
    """Return the class name of the transform that a composition always applies first."""
    while type(transform).__name__ == "Compose":
        transform = transform.transforms[0]
    return type(transform).__name__


def _size_of(sample: Any, v2: Any) -> tuple[int, int]:
    """Return the (height, width) of the image of a sample."""
    image = _image_of(sample)
    if _is_array(image):
        return image.shape[0], image.shape[1]
    height, width = v2.functional.get_size(image)
    return height, width


def _image_of(sample: Any) -> Any:
    """Return the object that torchvision treats as the image of a sample."""
    types = required("torchvision.tv_tensors")
    leaves = _pytree.tree_leaves(list(sample))
    for leaf in leaves:
        if isinstance(leaf, (types.Image, types.Video)) or _is_of_pil(leaf):
            return leaf
    for leaf in leaves:
        if isinstance(leaf, Tensor) and not isinstance(leaf, types.TVTensor):
            if leaf.dim() < 2:
                raise ValueError(
                    "torchvision transforms the first tensor of a sample as the image, but its "
                    f"shape is {tuple(leaf.shape)}: put the image first, or convert it to a "
                    "tv_tensors.Image"
                )
            return leaf
        if _is_array(leaf):  # A NumPy image for ToImage.
            return leaf
    raise ValueError("the sample has no image: expected a tensor, an Image or a PIL image")


def _is_of_pil(leaf: Any) -> bool:
    return hasattr(leaf, "getbands")


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "__array_interface__") and not _is_of_pil(leaf) and leaf.ndim > 1
