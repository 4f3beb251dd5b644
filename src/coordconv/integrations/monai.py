"""Track placements through the transforms of MONAI, and predict windows at their true positions.

A placement says where the pixels of a cropped, flipped, resized or rotated image are in the full
image.

Example:
    >>> import torch
    >>> from monai.transforms import Compose, RandFlip, RandSpatialCrop
    >>> transform = Compose([RandFlip(prob=1, spatial_axis=0), RandSpatialCrop((4, 4))])
    >>> image, placement = apply_with_placement(transform, torch.rand(1, 4, 9))
    >>> placement.matrix, placement.start[0]
    (((-1, 0), (0, 1)), 3)
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from coordconv.integrations.frames import Frame
from coordconv.integrations.packages import required
from coordconv.integrations.refusals import not_affine
from coordconv.model_positions import positions
from coordconv.placements import Placement

__all__ = ["apply_with_placement", "check_transform", "placement_of", "positioned_predictor"]

# Transforms of these modules either do not move pixels or record how they move pixels. The
# exceptions are in _MOVING. Among transforms of other modules, those in _STATIONARY do not move
# pixels.
_FOLLOWED_MODULES = ("croppad", "intensity", "io", "lazy", "nvtx", "smooth_field")
_MOVING = {"BoundingRect", "RandCoarseShuffle", "RandCoarseTransform", "RandSmoothDeform"}
_STATIONARY = {
    *("AddCoordinateChannels", "CastToType", "ClassesToIndices", "ConcatItems", "CopyItems"),
    *("ConvertToMultiChannelBasedOnBratsClasses", "DataStats", "DeleteItems", "EnsureChannelFirst"),
    *("EnsureType", "FgBgToIndices", "FlattenSubKeys", "Identity", "IntensityStats"),
    *("LabelToMask", "MapLabelValue", "RemoveRepeatedChannel", "RepeatChannel", "SelectItems"),
    *("SimulateDelay", "ToDevice", "ToTensor"),
}

# Attributes of transforms of dictionaries that contain the transform of an array.
_INNER = ("affine", "spacing_transform")


def apply_with_placement(
    transform: Callable[[Any], Any],
    data: Any,
    *,
    key: str | None = None,
    frame: Frame | None = None,
    stationary: Sequence[type] = (),
) -> tuple[Any, Any]:
    """Transform an image or a dictionary, and return the placement of the result.

    Args:
        transform: A transform of MONAI, such as a ``Compose``. ``lazy=True`` is supported.
        data: The input of the transform: an image of shape (C, *size), the name of a file that the
            transform loads, or a dictionary.
        key: Key of the image, if ``data`` is a dictionary.
        frame: The full image or box that the placement refers to, such as `Frame.world`. The
            default is the image before the transform, or the image in the file if the transform
            loads it.
        stationary: Additional classes of transforms that do not move pixels.

    Returns:
        The result and its placement. If there are several results, as from
        ``RandSpatialCropSamples``, a list of results and a list of placements.

    Raises:
        ImportError: If MONAI is not installed.
        TypeError: If the transformed image is not a ``MetaTensor``.
        ValueError: If a transform is not affine, if it is lazy and has not been applied yet, or if
            it moves the channel axis of ``data``.
    """
    check_transform(transform, stationary=stationary)
    image = data if key is None else data[key]
    if frame is None and hasattr(image, "shape"):
        _check_channels(transform, image)
        affine = getattr(image, "affine", torch.eye(4, dtype=torch.float64))
        frame = Frame(affine, tuple(image.shape[1:]))
    result = transform(data)
    many = isinstance(result, (list, tuple))
    images = [one if key is None else one[key] for one in (result if many else [result])]
    placements = [placement_of(one, frame or _frame_of_file(one)) for one in images]
    return result, placements if many else placements[0]


def placement_of(image: Any, frame: Frame) -> Placement:
    """Return the placement of a ``MetaTensor`` from its ``affine``.

    Some transforms, such as ``RandGridDistortion``, move pixels without updating the affine matrix.
    `check_transform` detects such transforms.

    Args:
        image: Shape (C, *size), or (N, C, *size) for a batch of a ``DataLoader``.
        frame: The frame that the placement refers to: `Frame.world`, or
            ``Frame(image.affine, image.shape[1:])`` of an image before its transforms.

    Raises:
        ImportError: If MONAI is not installed.
        TypeError: If ``image`` is not a ``MetaTensor``.
        ValueError: If the image and the frame differ in the number of axes, or if the image has
            pending lazy transforms.
    """
    if not isinstance(image, required("monai.data").MetaTensor):
        raise TypeError(
            f"the image must be a MetaTensor, whose affine is known, got {type(image).__name__}: "
            "end the transforms with EnsureType(track_meta=True)"
        )
    if image.pending_operations:
        raise ValueError(
            "the image has delayed transforms: put them into a Compose(..., lazy=True), or end "
            "with ApplyPending()"
        )
    rank = len(frame.size)
    # A collated batch has one matrix for each sample.
    if image.dim() - image.affine.dim() != rank - 1:
        raise ValueError(
            f"the frame has {rank} axes, but the image has shape {tuple(image.shape)} and an "
            f"affine of shape {tuple(image.affine.shape)}; expected an image of shape (C, *size), "
            "or (N, C, *size) with an affine for each sample, as from a DataLoader"
        )
    return frame.placement(image.affine, tuple(image.shape[-rank:]))


def check_transform(transform: Any, *, stationary: Sequence[type] = ()) -> None:
    """Raise if a transform moves pixels without updating ``affine``.

    Args:
        transform: A transform of MONAI, such as a ``Compose``.
        stationary: Additional classes of transforms that do not move pixels.

    Raises:
        ImportError: If MONAI is not installed.
        ValueError: If a transform moves pixels without updating ``affine``, is not known, or has
            an option with which MONAI computes a wrong ``affine``. The message names the transform.

    Example:
        >>> from monai.transforms import Compose, Flip, Rand2DElastic
        >>> check_transform(Compose([Flip(0)]))
        >>> check_transform(Compose([Rand2DElastic((8, 8), (1, 2))]))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: Rand2DElastic is not known to be affine, so its result has no placement; ...
    """
    transforms = required("monai.transforms")
    for one in _leaves(transform, transforms.Compose):
        if not isinstance(one, tuple(stationary)) and not _is_followed(one, transforms):
            raise not_affine(type(one).__name__)
        if option := _misrecorded_option(one):
            raise ValueError(
                f"with {option}, MONAI's {type(one).__name__} computes an affine that does not "
                f"match the positions of the pixels; omit {option}"
            )


def positioned_predictor(
    model: nn.Module, placement: Placement, *, strict: bool = True
) -> Callable[..., Any]:
    """Wrap a model as the predictor of ``sliding_window_inference(..., with_coord=True)``.

    Each window is then predicted at its true position. The result can also be passed to
    ``SlidingWindowInferer``.

    Args:
        model: Any model with coordinate layers.
        placement: The placement of the inputs: ``Placement(inputs.shape[2:])`` for full images.
        strict: As in `positions`.

    Returns:
        A function that takes the windows, their slices, and further arguments of the model, and
        returns the outputs of the model for the windows.

    Example:
        >>> from monai.inferers import sliding_window_inference
        >>> from coordconv import CoordConv2d
        >>> model, image = CoordConv2d(1, 1, 1), torch.randn(2, 1, 20, 30)
        >>> predictor = positioned_predictor(model, Placement((20, 30)))
        >>> tiled = sliding_window_inference(image, (8, 8), 4, predictor, with_coord=True)
        >>> torch.testing.assert_close(tiled, model(image))
    """

    def predict(windows: Tensor, slices: Sequence[Sequence[slice]], *args: Any, **kwargs: Any):
        size = tuple(windows.shape[2:])
        # Images smaller than a window are padded on both sides.
        margins = [max(n - m, 0) // 2 for n, m in zip(size, placement.size, strict=True)]
        starts = [[s.start for s in place[2:]] for place in slices]
        rows = torch.tensor([place[0].start for place in slices])
        shifted = torch.tensor(starts) - torch.tensor(margins)
        placed = _pytree.tree_map(lambda one: _rows_of(one, rows), placement)
        with positions(model, placed.crop(shifted, size), strict=strict):
            return model(windows, *args, **kwargs)

    return predict


def _rows_of(numbers: Tensor, rows: Tensor) -> Tensor:
    return numbers[rows.to(numbers.device)] if numbers.dim() else numbers


def _frame_of_file(image: Any) -> Frame:
    meta = getattr(image, "meta", {})
    size = tuple(int(n) for n in meta.get("spatial_shape", ()))
    if not size or len(size) != image.dim() - 1:  # One axis of the image is the channel axis.
        raise ValueError(
            "the position of the image before the transform is not known: pass the image as a "
            "tensor, load a file without a channel axis with LoadImage, or pass `frame`"
        )
    affine = meta.get(
        "original_affine", torch.eye(4)
    )  # Formats such as .npy have no affine matrix.
    return Frame(torch.as_tensor(affine), size)


def _check_channels(transform: Any, image: Any) -> None:
    """Check that the first axis of an image is the channel axis, also for the transform.

    Raises:
        ValueError: A transform moves or adds the channel axis, so the size of the image is unknown.
    """
    transforms = required("monai.transforms")
    for one in _leaves(transform, transforms.Compose):
        inner = getattr(one, "adjuster", one)
        if isinstance(inner, transforms.EnsureChannelFirst):
            dim = inner.input_channel_dim
            if dim is None:
                dim = getattr(image, "meta", {}).get("original_channel_dim", 0)
            if dim not in (0, -image.ndim):
                raise ValueError(
                    f"{type(one).__name__} moves the channel axis, but the image must have shape "
                    "(C, *size): apply it before, or pass `frame`"
                )


def _misrecorded_option(transform: Any) -> str:
    """Return the option with which MONAI computes a wrong affine, or "" if there is none."""
    transforms = required("monai.transforms")
    candidates: list[Any] = [transform, *(getattr(transform, name, None) for name in _INNER)]
    for one in candidates:
        if isinstance(one, transforms.Affine):
            if not one.norm_coord:
                return "normalized=True"
            if one.resampler.align_corners:
                return "align_corners=True"
        if isinstance(one, transforms.Spacing) and one.recompute_affine:
            return "recompute_affine=True"
    return ""


def _leaves(transform: Any, compose: type) -> Iterator[Any]:
    """Yield the transforms in a composition and in the compositions inside it."""
    inner = transform.transforms if isinstance(transform, compose) else None
    if inner is None:
        yield transform
        return
    for one in inner:
        yield from _leaves(one, compose)


def _is_followed(transform: Any, transforms: Any) -> bool:
    """Whether a transform updates the affine matrix correctly or does not move pixels."""
    names = type(transform).__module__.split(".")
    if names[:2] != ["monai", "transforms"] or len(names) < 3:
        return False
    group, name = names[2], type(transform).__name__.removesuffix("d")
    if group == "spatial":  # Elastic transforms are not traceable and do not update the matrix.
        return isinstance(transform, transforms.TraceableTransform)
    if group in _FOLLOWED_MODULES:
        return name not in _MOVING
    return name in _STATIONARY
