"""Compute placements from matrices that map pixels of a transformed image to the old image."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from coordconv.placements import Placement

__all__ = ["of_first_axes", "placed_by", "placement_of_input"]

_ROUNDING = 1e-4  # The rounding error of float32 matrices, in pixels.


def placed_by(placement: Placement, matrix: Tensor, size: Sequence[int]) -> Placement:
    """Return the placement of a new image, from a matrix that maps its pixels to an old image.

    Entries of the matrix that are integers up to the rounding error of float32 become integers, so
    that flips and crops are recognized as maps that do not mix the axes.

    Args:
        placement: The placement of the old image.
        matrix: Maps pixels of the new image to pixels of the old image, shape (d + 1, d + 1), or
            (N, d + 1, d + 1) with one matrix per sample.
        size: Size of the new image.
    """
    rank = len(size)
    matrix = matrix.detach().double().cpu()
    steps, shift = matrix[..., :rank, :rank], matrix[..., :rank, rank]
    steps = _whole(steps, _ROUNDING / max(size, default=1))
    shift = _whole(shift, _ROUNDING)
    rows: Any = [
        [*(_shared(steps[..., a, b]) for b in range(rank)), _shared(shift[..., a])]
        for a in range(rank)
    ]
    return placement.affine(rows, size)


def placement_of_input(placement: Placement | None, size: Sequence[int]) -> Placement:
    """Return the given placement of an image, or by default the placement of a full image.

    Args:
        placement: The placement of the image, or None if the image is a full image.
        size: Size of the image.

    Raises:
        ValueError: If the placement and the image differ in size.
    """
    if placement is None:
        return Placement(tuple(size))
    if placement.size != tuple(size):
        raise ValueError(
            f"the placement has size {placement.size}, but the image has size {tuple(size)}"
        )
    return placement


def _whole(numbers: Tensor, tolerance: float) -> Tensor:
    whole = numbers.round()
    return torch.where((numbers - whole).abs() <= tolerance, whole, numbers)


def _shared(entry: Tensor) -> Tensor | float:
    """Return an entry of a matrix as a plain number if it is the same for all samples."""
    alike = entry.dim() == 0 or bool((entry == entry[0]).all())
    return entry.reshape(-1)[0].item() if alike else entry.clone()


def of_first_axes(affine: Tensor, rank: int) -> Tensor:
    """Return the part of an affine matrix for the first axes, including the translation.

    The affine matrix can be 4 x 4 even if the image has fewer than three axes.
    """
    affine = torch.as_tensor(affine, dtype=torch.float64).cpu()
    kept = [*range(rank), affine.shape[-1] - 1]
    return affine[..., kept, :][..., :, kept]
