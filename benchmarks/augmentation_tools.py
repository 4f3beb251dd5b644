"""Transforms of each augmentation library, for chains that are compared with a coordinate image."""

import importlib.util
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from coordconv import Placement, coordinate_grid
from coordconv.integrations import albumentations, kornia, monai, torchio, torchvision
from coordconv.integrations.coordinate_images import coordinate_image

PIXELS = "pixels"
FLAT, SOLID = (64, 80), (26, 24, 28)
WORLD = torch.tensor(  # a rotated affine with three different spacings
    [[1.9, -0.4, 0, -20], [0.6, 1.3, 0, 11], [0, 0, 1.5, 7], [0, 0, 0, 1]], dtype=torch.float64
)

Factory = Callable[[random.Random], Any]
Run = Callable[[Sequence[Any], int], tuple[Tensor, Placement]]


class Tool(NamedTuple):
    """An augmentation library, with transforms by name.

    Attributes:
        size: Size of the image that is transformed.
        record: The library's own record of where pixels are.
        moves: Transforms that map pixels to pixels.
        resamples: Transforms that interpolate.
        refused: Transforms after which no placement can describe the positions of pixels.
        run: Applies a chain to a coordinate image; returns the image and the placement.
    """

    size: tuple[int, ...]
    record: str
    moves: dict[str, Factory]
    resamples: dict[str, Factory]
    refused: dict[str, Factory]
    run: Run


def pixels_of(size: Sequence[int]) -> Tensor:
    """Return the coordinate image: a mask of ones, and the index of each pixel."""
    return coordinate_image(size, convention=PIXELS)


def compared(
    tool: Tool, names: Sequence[str], image: Tensor, placement: Placement
) -> tuple[float, int]:
    """Compare a placement with a coordinate image that went through the same transforms.

    Pixels near an edge of the full image are omitted, because interpolation there mixes in the
    padding.

    Returns:
        The largest difference in pixels, and the number of pixels that were compared.
    """
    image = image.double()
    image = image if image.dim() == len(tool.size) + 2 else image[None]
    grid = coordinate_grid(placement.size, convention=PIXELS, window=placement, dtype=torch.float64)
    if tuple(image.shape[2:]) != placement.size:
        raise AssertionError(f"an image of size {image.shape[2:]}, a placement of {placement.size}")
    inside = image[:, :1] > 1 - 1e-5
    grid = grid if grid.dim() == image.dim() else grid[None]
    last = torch.tensor(tool.size).reshape(-1, *[1] * len(tool.size)) - 1
    # Padding may repeat the edge, and the mask then includes it.
    known = ((grid > -0.01) & (grid < last + 0.01)).all(1, keepdim=True)
    inside = (inside & known).double()
    width = 2 * sum(name in tool.resamples for name in names)
    if width:
        pool = functional.max_pool2d if len(tool.size) == 2 else functional.max_pool3d
        outside = functional.pad(1 - inside, [width] * 2 * len(tool.size), value=1)
        inside = 1 - pool(outside, 2 * width + 1, 1)
    errors = (image[:, 1:] - grid).abs() * inside
    return errors.max().item(), int(inside.sum())


def of_kornia() -> Tool:
    """Return the transforms of kornia, each with different parameters for each of three samples."""
    import kornia.augmentation as K

    def run(chain: Sequence[Any], seed: int) -> tuple[Tensor, Placement]:
        torch.manual_seed(seed)
        images = pixels_of(FLAT).expand(3, -1, -1, -1).clone()
        return kornia.apply_with_placement(K.AugmentationSequential(*chain), images)

    return Tool(
        FLAT,
        "`AugmentationSequential.transform_matrix`",
        {
            "RandomHorizontalFlip": lambda _: K.RandomHorizontalFlip(),
            "RandomVerticalFlip": lambda _: K.RandomVerticalFlip(),
            "RandomCrop": lambda _: K.RandomCrop((48, 56), padding=4),
            "CenterCrop": lambda _: K.CenterCrop((40, 41)),
            "PadTo": lambda _: K.PadTo((84, 90)),
            "Normalize": lambda _: K.Normalize(0.0, 1.0),
        },
        {
            "RandomAffine": lambda _: K.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), (-9, 9, -5, 5)),
            "RandomRotation": lambda _: K.RandomRotation(30),
            "RandomRotation90": lambda _: K.RandomRotation90((-3, 3)),
            "RandomShear": lambda _: K.RandomShear((-10, 10)),
            "RandomTranslate": lambda _: K.RandomTranslate((0.1, 0.2), (0.1, 0.2)),
            "RandomResizedCrop": lambda _: K.RandomResizedCrop((48, 56), scale=(0.5, 0.9)),
            "Resize": lambda _: K.Resize((70, 66)),
        },
        {
            "RandomElasticTransform": lambda _: K.RandomElasticTransform(),
            "RandomFisheye": lambda _: K.RandomFisheye(*[torch.tensor([0.9, 1.0])] * 3),
            "RandomMosaic": lambda _: K.RandomMosaic(FLAT),
            "RandomMotionBlur": lambda _: K.RandomMotionBlur(3, 35.0, 0.5),
            "RandomPerspective": lambda _: K.RandomPerspective(),
            "RandomThinPlateSpline": lambda _: K.RandomThinPlateSpline(),
        },
        run,
    )


_OPERATORS: list[Any] = []


def declare_operators() -> None:
    """Allow importing torchvision's transforms if its operators do not match torch's version."""
    if _OPERATORS or importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        _OPERATORS.append(torch.library.Library("torchvision", "DEF"))
        for name in ("nms", "qnms"):  # looked up on import, but not used by transforms
            _OPERATORS[0].define(f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor")


def of_torchvision() -> Tool:
    """Return the transforms v2 of torchvision."""
    declare_operators()
    from torchvision.transforms import v2

    linear = v2.InterpolationMode.BILINEAR

    def run(chain: Sequence[Any], seed: int) -> tuple[Tensor, Placement]:
        torch.manual_seed(seed)
        return torchvision.apply_with_placement(v2.Compose(list(chain)), pixels_of(FLAT))

    return Tool(
        FLAT,
        "list of the operations",
        {
            "RandomHorizontalFlip": lambda _: v2.RandomHorizontalFlip(),
            "RandomVerticalFlip": lambda _: v2.RandomVerticalFlip(),
            "RandomCrop": lambda _: v2.RandomCrop((48, 56), (1, 2, 3, 4), pad_if_needed=True),
            "RandomZoomOut": lambda _: v2.RandomZoomOut(side_range=(1.0, 1.5)),
            "CenterCrop": lambda _: v2.CenterCrop((51, 90)),
            "Pad": lambda _: v2.Pad((1, 2, 3, 4)),
            "ToDtype": lambda _: v2.ToDtype(torch.float32),
        },
        {
            "RandomAffine": lambda _: v2.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), 9, linear),
            "RandomAffine, center": lambda _: v2.RandomAffine(30, None, None, 9, linear, 0, [3, 9]),
            "RandomRotation": lambda _: v2.RandomRotation(30, linear),
            "RandomRotation, expand": lambda _: v2.RandomRotation(30, linear, expand=True),
            "RandomResizedCrop": lambda _: v2.RandomResizedCrop(56, (0.5, 0.9), antialias=False),
            "Resize": lambda _: v2.Resize((70, 66), antialias=False),
            "ScaleJitter": lambda _: v2.ScaleJitter(FLAT, (0.8, 1.2), antialias=False),
        },
        {
            "ElasticTransform": lambda _: v2.ElasticTransform(),
            "FiveCrop": lambda _: v2.FiveCrop(9),
            "MixUp": lambda _: v2.MixUp(num_classes=2),
            "RandAugment": lambda _: v2.RandAugment(),
            "RandomPerspective": lambda _: v2.RandomPerspective(),
        },
        run,
    )


def of_albumentations() -> Tool:
    """Return the transforms of albumentations 2."""
    import albumentations as A

    def run(chain: Sequence[Any], seed: int) -> tuple[Tensor, Placement]:
        array = pixels_of(FLAT).permute(1, 2, 0).numpy()
        composed = A.Compose(list(chain), seed=seed)
        sample, placement = albumentations.apply_with_placement(composed, image=array)
        return torch.from_numpy(sample["image"]).permute(2, 0, 1), placement

    return Tool(
        FLAT,
        "parameters, with `save_applied_params`",
        {
            "HorizontalFlip": lambda _: A.HorizontalFlip(),
            "VerticalFlip": lambda _: A.VerticalFlip(),
            "Transpose": lambda _: A.Transpose(),
            "D4": lambda _: A.D4(),
            "RandomRotate90": lambda _: A.RandomRotate90(),
            "Pad": lambda _: A.Pad((1, 2, 3, 4)),
            "PadIfNeeded": lambda _: A.PadIfNeeded(90, 85),
            "RandomCrop": lambda _: A.RandomCrop(48, 56, pad_if_needed=True),
            "RandomCropFromBorders": lambda _: A.RandomCropFromBorders(),
            "CoarseDropout": lambda _: A.CoarseDropout(fill=0),
            "OneOf": lambda _: A.OneOf([A.HorizontalFlip(), A.Transpose()]),
        },
        {
            "Affine": lambda _: A.Affine(
                scale=(0.8, 1.2), translate_percent=0.1, rotate=(-30, 30), shear=(-5, 5), p=1
            ),
            "Affine, fit_output": lambda _: A.Affine(rotate=(-30, 30), fit_output=True, p=1),
            "Rotate": lambda _: A.Rotate(30, p=1),
            "Rotate, crop_border": lambda _: A.Rotate(30, crop_border=True, p=1),
            "SafeRotate": lambda _: A.SafeRotate(30, p=1),
            "ShiftScaleRotate": lambda _: A.ShiftScaleRotate(p=1),
            "RandomResizedCrop": lambda _: A.RandomResizedCrop((48, 56), (0.5, 0.9), p=1),
            "RandomScale": lambda _: A.RandomScale((-0.2, 0.2), p=1),
            "Resize": lambda _: A.Resize(70, 66),
            "CropAndPad": lambda _: A.CropAndPad(px=(-3, 4), p=1),
        },
        {
            "Downscale": lambda _: A.Downscale(),
            "ElasticTransform": lambda _: A.ElasticTransform(),
            "GridDistortion": lambda _: A.GridDistortion(),
            "MotionBlur": lambda _: A.MotionBlur(),
            "Perspective": lambda _: A.Perspective(),
            "RandomGridShuffle": lambda _: A.RandomGridShuffle(),
        },
        run,
    )


def of_monai() -> Tool:
    """Return the transforms of MONAI. The seed determines whether a chain is lazy."""
    import monai.transforms as T
    from monai.data.meta_tensor import MetaTensor

    zeros: dict[str, Any] = {"padding_mode": "zeros"}
    turn = {"rotate_range": 0.3, "shear_range": 0.1, "translate_range": 2, "scale_range": 0.1}

    def run(chain: Sequence[Any], seed: int) -> tuple[Tensor, Placement]:
        composed = T.Compose(list(chain), lazy=bool(seed % 2)).set_random_state(seed)
        image = MetaTensor(pixels_of(SOLID), affine=WORLD.clone())
        image, placement = monai.apply_with_placement(composed, image)
        return image.as_tensor(), placement

    return Tool(
        SOLID,
        "`MetaTensor.affine`",
        {
            "RandFlip": lambda rng: T.RandFlip(0.5, spatial_axis=rng.randrange(3)),
            "RandAxisFlip": lambda _: T.RandAxisFlip(0.5),
            "RandRotate90": lambda _: T.RandRotate90(0.5),
            "SpatialPad": lambda _: T.SpatialPad((28, 26, 30)),
            "BorderPad": lambda _: T.BorderPad((1, 2, 3)),
            "RandSpatialCrop": lambda _: T.RandSpatialCrop((20, 20, 20), random_size=False),
            "CenterScaleCrop": lambda _: T.CenterScaleCrop(0.8),
            "ResizeWithPadOrCrop": lambda _: T.ResizeWithPadOrCrop((20, 28, 24)),
        },
        {
            "RandAffine": lambda _: T.RandAffine(1.0, **turn, **zeros),
            "RandRotate": lambda _: T.RandRotate(0.3, 0.2, 0.1, 1.0, **zeros),
            "RandZoom": lambda _: T.RandZoom(1.0, 0.8, 1.3, "trilinear", "constant"),
            "Resize": lambda _: T.Resize((22, 28, 25), mode="trilinear"),
            "Spacing": lambda _: T.Spacing((1.7, 1.7, 1.7), mode="bilinear", **zeros),
        },
        {
            "Rand3DElastic": lambda _: T.Rand3DElastic((2, 3), (5, 9)),
            "RandCoarseShuffle": lambda _: T.RandCoarseShuffle(2, 4),
            "RandGridDistortion": lambda _: T.RandGridDistortion(),
            "RandSimulateLowResolution": lambda _: T.RandSimulateLowResolution(),
        },
        run,
    )


def of_torchio() -> Tool:
    """Return the transforms of torchio."""
    import torchio as tio

    def run(chain: Sequence[Any], seed: int) -> tuple[Tensor, Placement]:
        torch.manual_seed(seed)
        image = tio.ScalarImage(tensor=pixels_of(SOLID), affine=WORLD.numpy())
        subject, placement = torchio.apply_with_placement(
            tio.Compose(list(chain)), tio.Subject(image=image)
        )
        return subject["image"].data, placement

    turn: dict[str, Any] = {"scales": 0.1, "degrees": 12, "translation": 3, "default_pad_value": 0}
    return Tool(
        SOLID,
        "`affine`, and the history of flips and affine maps",
        {
            "RandomFlip": lambda _: tio.RandomFlip(axes=(0, 1, 2)),
            "RandomFlip, by name": lambda _: tio.RandomFlip(axes=("LR", "AP")),
            "Crop": lambda _: tio.Crop((1, 2, 3, 1, 0, 2)),
            "CropOrPad": lambda _: tio.CropOrPad((20, 28, 24)),
            "EnsureShapeMultiple": lambda _: tio.EnsureShapeMultiple(8),
            "OneOf": lambda _: tio.OneOf([tio.RandomFlip(), tio.ToCanonical()]),
            "Pad": lambda _: tio.Pad((1, 2, 3, 1, 0, 2)),
            "ToCanonical": lambda _: tio.ToCanonical(),
            "Transpose": lambda _: tio.Transpose(),
        },
        {
            "RandomAffine": lambda _: tio.RandomAffine(**turn),
            "RandomAffine, origin": lambda _: tio.RandomAffine(**turn, center="origin"),
            "Resample": lambda _: tio.Resample((1.7, 1.7, 1.7)),
            "Resize": lambda _: tio.Resize((22, 28, 25)),
        },
        {
            "RandomAnisotropy": lambda _: tio.RandomAnisotropy(),
            "RandomElasticDeformation": lambda _: tio.RandomElasticDeformation(),
            "RandomMotion": lambda _: tio.RandomMotion(),
            "RandomSwap": lambda _: tio.RandomSwap(),
        },
        run,
    )


TOOLS: dict[str, Callable[[], Tool]] = {
    "kornia": of_kornia,
    "monai": of_monai,
    "torchvision": of_torchvision,
    "albumentations": of_albumentations,
    "torchio": of_torchio,
}
