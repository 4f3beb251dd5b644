"""The positions of pixels according to the libraries themselves, and the errors in pixels.

kornia and MONAI are omitted, because placements are computed from their matrices. The points or
matrices of the other libraries do not follow every transform.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from augmentation_tools import (  # pyright: ignore[reportMissingImports]
    FLAT,
    SOLID,
    WORLD,
    declare_operators,
    pixels_of,
)

from coordconv import Placement
from coordconv.integrations import albumentations, torchio, torchvision
from coordconv.integrations.frames import Frame

POINTS = [(30.0, 20.0), (50.0, 20.0), (30.0, 40.0)]  # (x, y), centers of pixels
Errors = dict[str, float]


def _wrong_by(placement: Placement, points: Sequence[Sequence[float]]) -> float:
    """Return the largest error, along an axis, of transformed points (x, y)."""
    back = placement.inverse()
    matrix, start = torch.tensor(back.matrix).double(), torch.tensor(back.start).double()
    old = torch.tensor(POINTS).double().flip(-1)
    new = torch.tensor([list(point)[:2] for point in points]).double().flip(-1)
    return round((old @ matrix.T + start - new).abs().max().item(), 4)


def of_torchvision() -> Errors:
    """Return the errors of ``KeyPoints``."""
    declare_operators()
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    def error(transform: Any) -> float:
        torch.manual_seed(0)
        points = tv_tensors.KeyPoints(torch.tensor(POINTS), canvas_size=FLAT)  # pyright: ignore[reportCallIssue]
        image = tv_tensors.Image(pixels_of(FLAT))
        (_, points), placement = torchvision.apply_with_placement(transform, image, points)
        return _wrong_by(placement, points.tolist())

    return {
        "horizontal flip": error(v2.RandomHorizontalFlip(1)),
        "crop": error(v2.CenterCrop((51, 70))),
        "affine": error(v2.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), 9)),
        "resize by 1/2": error(v2.Resize((32, 40))),
        "resize by 2": error(v2.Resize((128, 160))),
    }


def of_albumentations() -> Errors:
    """Return the errors of key points."""
    import albumentations as A

    def error(transform: Any) -> float:
        options = A.KeypointParams("xy", remove_invisible=False)
        composed = A.Compose([transform], keypoint_params=options, seed=0)
        image = pixels_of(FLAT).permute(1, 2, 0).numpy()
        sample, placement = albumentations.apply_with_placement(
            composed, image=image, keypoints=POINTS
        )
        return _wrong_by(placement, sample["keypoints"])

    return {
        "horizontal flip": error(A.HorizontalFlip(p=1)),
        "crop": error(A.CenterCrop(51, 70, p=1)),
        "affine": error(A.Affine(scale=1.1, translate_percent=0.1, rotate=20, shear=5, p=1)),
        "resize by 1/2": error(A.Resize(32, 40)),
        "resize by 2": error(A.Resize(128, 160)),
    }


def of_torchio() -> Errors:
    """Return the errors of ``affine``, used without the history of transforms."""
    import torchio as tio

    frame = Frame(WORLD, SOLID)

    def error(transform: Any) -> float:
        torch.manual_seed(0)
        subject = tio.Subject(a=tio.ScalarImage(tensor=pixels_of(SOLID), affine=WORLD.numpy()))
        after, placement = torchio.apply_with_placement(transform, subject)
        said = frame.placement(torch.as_tensor(after["a"].affine), placement.size)
        far = torch.tensor(said.start) - torch.tensor(placement.start)
        return round(far.abs().max().item(), 4)

    return {
        "flip": error(tio.RandomFlip(axes=(0, 1, 2), flip_probability=1)),
        "affine": error(tio.RandomAffine(scales=0.1, degrees=12, translation=3)),
        "crop": error(tio.Crop((1, 2, 3, 1, 0, 2))),
        "resample": error(tio.Resample((1.7, 1.7, 1.7))),
    }


OWN: dict[str, Callable[[], Errors]] = {
    "kornia": dict,
    "monai": dict,
    "torchvision": of_torchvision,
    "albumentations": of_albumentations,
    "torchio": of_torchio,
}
