"""Track the placements of images through the transforms of torchio, for 3-D images.

A placement says where the voxels of a cropped, flipped, resized or rotated image are in the full
image. Most transforms of torchio record in ``image.affine`` how they move voxels. ``RandomFlip``
and ``RandomAffine`` move voxels without updating ``affine``, so their parameters are read from the
history of the subject.

Example::

    import torchio as tio

    augment = tio.Compose([tio.RandomFlip(axes="LR"), tio.CropOrPad((96, 96, 96))])
    subject, placement = apply_with_placement(augment, subject)
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from coordconv.integrations.frames import Frame
from coordconv.integrations.packages import required
from coordconv.integrations.pixel_maps import placed_by
from coordconv.integrations.refusals import not_affine
from coordconv.placements import Placement

__all__ = ["apply_with_placement"]

_FOLLOWED = {
    *("Crop", "CropOrPad", "EnsureShapeMultiple", "Pad", "Resample", "Resize", "ToCanonical"),
    *("ToOrientation", "Transpose"),
}
_NOT_FOLLOWED = {"Affine", "Flip", "RandomAffine", "RandomFlip"}
_MIXING = {"LabelsToImage", "Motion", "RandomLabelsToImage", "RandomMotion", "RandomSwap", "Swap"}


def apply_with_placement(
    transform: Any,
    subject: Any,
    *,
    name: str | None = None,
    frame: Frame | None = None,
    stationary: Sequence[type] = (),
) -> tuple[Any, Placement]:
    """Transform a subject, and return the placement of one of its images.

    Args:
        transform: A transform of torchio, such as a ``Compose``.
        subject: A ``Subject``.
        name: Name of the image; the first image if omitted.
        frame: The full image or box that the placement refers to, such as `Frame.world`. The
            default is the image before the transform.
        stationary: Additional classes of transforms that do not move voxels.

    Returns:
        The transformed subject, and the placement of its image.

    Raises:
        ImportError: If torchio is not installed.
        TypeError: If ``subject`` is not a ``Subject``.
        ValueError: If a transform is not affine, swaps voxels, or is not known, or if the subject
            has no image called ``name``.
    """
    torchio = required("torchio")
    if not isinstance(subject, torchio.Subject):
        raise TypeError(f"`subject` must be a Subject, got {type(subject).__name__}")
    for one in _leaves(transform):
        _check(one, torchio, tuple(stationary))
    names = subject.get_images_names()
    placed: str = names[0] if name is None else name
    if placed not in names:
        raise ValueError(f"`name` must be one of the images {', '.join(names)}, got {name!r}")
    frame = frame or Frame(_affine_of(subject[placed]), tuple(subject[placed].spatial_shape))
    matrix = torch.linalg.inv(frame.affine.double()) @ _affine_of(subject[placed])
    for one in _steps(transform):
        done, old = len(subject.applied_transforms), _affine_of(subject[placed])
        changed = one(subject)  # This is the same subject if copy=False.
        if not isinstance(one, tuple(stationary)):
            matrix = matrix @ _moved(subject, changed, placed, old, done, torchio)
        subject = changed
    size = tuple(subject[placed].spatial_shape)
    return subject, placed_by(Placement(frame.size), matrix, size)


def _moved(before: Any, after: Any, name: str, old: Tensor, done: int, torchio: Any) -> Tensor:
    """Return the matrix that maps voxels after a transform to voxels before the transform.

    Args:
        before: The subject before the transform. A transform with copy=False has changed it.
        after: The subject after the transform.
        name: Name of the image.
        old: The affine of the image before the transform.
        done: Number of transforms in the history of the subject before the transform.
        torchio: The module torchio.
    """
    recorded = torch.linalg.inv(old) @ _affine_of(after[name])
    steps = after.applied_transforms[done:]
    silent = [step for step in steps if step[0] in _NOT_FOLLOWED]
    if not silent:
        return recorded
    if len(steps) > 1:
        raise ValueError(
            f"the positions of voxels between {', '.join(kind for kind, _ in steps)} are not "
            "recorded: do not nest compositions with RandomFlip or RandomAffine in OneOf, or in a "
            "Compose with p below 1"
        )
    ((kind, options),) = silent
    step = getattr(torchio, kind)(**options)
    images = before.get_images_dict(
        intensity_only=False, include=step.include, exclude=step.exclude
    )
    if name not in images:
        return recorded
    image = before[name]
    return _flipped(step, before, image) if kind == "Flip" else _warped(step, image)


def _flipped(step: Any, subject: Any, image: Any) -> Tensor:
    matrix = torch.eye(4, dtype=torch.float64)
    for axis in step.axes:
        if isinstance(axis, str):
            axis = 3 + subject.get_first_image().axis_name_to_index(axis)
        matrix[axis, axis], matrix[axis, 3] = -1, image.spatial_shape[axis] - 1
    return matrix


def _warped(step: Any, image: Any) -> Tensor:
    transform = step.get_affine_transform(image)
    corners = torch.cat([torch.zeros(1, 3), torch.eye(3)]).double()
    points = torch.tensor([transform.TransformPoint(p) for p in corners.tolist()]).double()
    to_old = torch.eye(4, dtype=torch.float64)
    to_old[:3, :3], to_old[:3, 3] = (points[1:] - points[0]).T, points[0]
    to_itk = torch.diag(torch.tensor([-1.0, -1, 1, 1], dtype=torch.float64))
    affine = to_itk @ _affine_of(image)
    return torch.linalg.inv(affine) @ to_old @ affine


def _affine_of(image: Any) -> Tensor:
    return torch.tensor(image.affine, dtype=torch.float64)


def _steps(transform: Any) -> Iterator[Any]:
    """Yield one by one the transforms that a composition always applies."""
    if _kind(transform) == "Compose" and transform.probability == 1 and transform.keep is None:
        for one in transform.transforms:
            yield from _steps(one)
    else:
        yield transform


def _leaves(transform: Any) -> Iterator[Any]:
    """Yield the transforms in a composition and in the compositions inside it."""
    inner = {"Compose": "transforms", "OneOf": "transforms_dict"}.get(_kind(transform))
    if inner is None:
        yield transform
        return
    for one in getattr(transform, inner):
        yield from _leaves(one)


def _kind(transform: Any) -> str:
    kind = type(transform)
    return kind.__name__ if kind.__module__.startswith("torchio.") else ""


def _check(one: Any, torchio: Any, stationary: tuple[type, ...]) -> None:
    kind = _kind(one)
    still = isinstance(one, (torchio.IntensityTransform, torchio.LabelTransform))
    known = kind in _FOLLOWED | _NOT_FOLLOWED or (kind and still and kind not in _MIXING)
    if not known and not isinstance(one, stationary):
        raise not_affine(type(one).__name__)
    if kind in _NOT_FOLLOWED and not one.parse_input:
        raise ValueError(
            f"with parse_input=False, torchio does not record how {kind} moves voxels; omit "
            "parse_input"
        )
    if getattr(one, "invert_transform", False):
        raise ValueError(
            f"torchio does not record how an inverted {kind} moves voxels; use the placement that "
            f"the image had before the original {kind}"
        )
