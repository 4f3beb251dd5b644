"""Placements through the augmentations of kornia, for 2-D images.

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
        augmentation: An ``AugmentationSequential``, which may contain others.
        inputs: Its inputs, the first of which are images of shape (N, C, H, W).
        placement: The placement of the images, if they are parts of full images.
        stationary: Additional classes of augmentations that do not move pixels.

    Returns:
        The result of the augmentation, and a placement with one value per sample.

    Raises:
        ImportError: If kornia is not installed.
        TypeError: If ``augmentation`` is not an ``AugmentationSequential``, or its first input not
            a tensor.
        ValueError: If an augmentation in it is not affine, or mixes images, or no matrix is
            computed.
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
            raise ValueError("transformation_matrix_mode='skip' computes no matrix: leave it out")
    placement = placement_of_input(placement, inputs[0].shape[-2:])
    output = augmentation(*inputs)
    first = output[0] if isinstance(output, (list, tuple)) else output
    matrix = augmentation.transform_matrix
    if matrix is None:  # It only changes intensities.
        return output, placement
    return output, placed_by(placement, _to_old_pixels(matrix), tuple(first.shape[-2:]))


def _moving(module: nn.Module, kornia: Any, stationary: tuple[type, ...]) -> Iterator[nn.Module]:
    """Yield the augmentations inside that may move pixels."""
    still = isinstance(module, kornia.IntensityAugmentationBase2D)
    # Motion blur may shift the content.
    still = still and not isinstance(module, kornia.RandomMotionBlur)
    if still or isinstance(module, stationary):
        return
    if not isinstance(module, kornia.ImageSequential) or isinstance(module, kornia.PatchSequential):
        yield module
        return
    inner = [one for child in module.children() for one in _moving(child, kornia, stationary)]
    if inner and not isinstance(module, kornia.AugmentationSequential):
        yield module  # The matrix of the sequence does not include it.
    yield from inner


def _to_old_pixels(matrix: Tensor) -> Tensor:
    """Return the maps from new to old (row, column), given maps from old to new (x, y)."""
    inverse = torch.linalg.inv(matrix.detach().double().cpu())
    if bool((inverse[..., 2, :2].abs() > 1e-9).any()):
        raise not_affine("a transform with perspective")
    order = [1, 0, 2]
    return (inverse / inverse[..., 2:, 2:])[..., order, :][..., :, order]
