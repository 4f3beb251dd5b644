"""Track the placements of images through the augmentations of kornia, for 2-D images.

A placement says where the pixels of a cropped, flipped, resized or rotated image are in the full
image.

Example::

    import kornia.augmentation as K

    augment = K.AugmentationSequential(K.RandomHorizontalFlip(), K.RandomCrop((32, 32)))
    images, placement = apply_with_placement(augment, images)
    with positions(model, placement):
        output = model(images)
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coordconv.integrations.packages import required
from coordconv.integrations.pixel_maps import placed_by, placement_of_input
from coordconv.integrations.refusals import not_affine
from coordconv.placements import Placement

__all__ = ["apply_with_placement"]


def apply_with_placement(
    augmentation: Any,
    *inputs: Any,
    placement: Placement | None = None,
    stationary: Sequence[type] = (),
) -> tuple[Any, Placement]:
    """Augment a batch of images, and return the placement of the result.

    Args:
        augmentation: An ``AugmentationSequential``, which may contain other sequences.
        inputs: The inputs of the augmentation. The first input is a batch of images of shape
            (N, C, H, W).
        placement: The placement of the given images in their full images. By default, the given
            images are full images.
        stationary: Additional classes of augmentations that do not move pixels.

    Returns:
        The result of the augmentation, and a placement with one value per sample.

    Raises:
        ImportError: If kornia is not installed.
        TypeError: If ``augmentation`` is not an ``AugmentationSequential``, or if the first input
            is not a tensor.
        ValueError: If an augmentation is not affine or mixes images, or if ``augmentation`` does
            not compute its transformation matrix.
    """
    kornia = required("kornia.augmentation")
    if not isinstance(augmentation, kornia.AugmentationSequential):
        raise TypeError(
            f"`augmentation` must be an AugmentationSequential, got {type(augmentation).__name__}"
        )
    if not inputs or not isinstance(inputs[0], Tensor):
        raise TypeError("the first input must be a tensor of shape (N, C, H, W)")
    for module in _moving(augmentation, kornia, tuple(stationary)):
        if isinstance(module, kornia.RandomPerspective) or not isinstance(
            module, kornia.GeometricAugmentationBase2D
        ):
            raise not_affine(type(module).__name__)
    for module in augmentation.modules():
        if getattr(module, "_transformation_matrix_arg", None) == "skip":
            raise ValueError(
                "with transformation_matrix_mode='skip', the transformation matrix is not "
                "computed; remove this option"
            )
    placement = placement_of_input(placement, inputs[0].shape[-2:])
    output = augmentation(*inputs)
    first = output[0] if isinstance(output, (list, tuple)) else output
    matrix = augmentation.transform_matrix
    if matrix is None:  # The augmentation only changes intensities.
        return output, placement
    return output, placed_by(placement, _to_old_pixels(matrix), tuple(first.shape[-2:]))


def _moving(module: nn.Module, kornia: Any, stationary: tuple[type, ...]) -> Iterator[nn.Module]:
    """Yield the augmentations that may move pixels, including those inside other modules."""
    still = isinstance(module, kornia.IntensityAugmentationBase2D)
    if (still and not _may_shift(module, kornia)) or isinstance(module, stationary):
        return
    if not isinstance(module, kornia.ImageSequential) or isinstance(module, kornia.PatchSequential):
        yield module
        return
    inner = [one for child in module.children() for one in _moving(child, kornia, stationary)]
    if inner and not isinstance(module, kornia.AugmentationSequential):
        yield module  # The matrix of the AugmentationSequential does not include this module.
    yield from inner


def _may_shift(module: Any, kornia: Any) -> bool:
    """Whether a blur may shift the content: any motion blur, or a box with an even side."""
    if isinstance(module, kornia.RandomBoxBlur):
        return any(side % 2 == 0 for side in module.flags["kernel_size"])
    return isinstance(module, kornia.RandomMotionBlur)


def _to_old_pixels(matrix: Tensor) -> Tensor:
    """Invert maps from old to new (x, y), and return them as maps of (row, column)."""
    inverse = torch.linalg.inv(matrix.detach().double().cpu())
    if bool((inverse[..., 2, :2].abs() > 1e-9).any()):
        raise not_affine("a transform with perspective")
    order = [1, 0, 2]
    return (inverse / inverse[..., 2:, 2:])[..., order, :][..., :, order]
