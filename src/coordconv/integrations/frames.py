"""Compute the placements of medical images in a common frame, from their affine matrices."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from coordconv.integrations.pixel_maps import of_first_axes, placed_by
from coordconv.placements import Placement

__all__ = ["Frame"]


@dataclass(frozen=True)
class Frame:
    """The full image that placements refer to, with its position in world coordinates.

    Attributes:
        affine: Maps voxel indices of the full image to world coordinates in millimeters, as in a
            NIfTI file; shape (4, 4) or (d + 1, d + 1).
        size: Size of the full image in voxels.

    Example:
        >>> import torch
        >>> frame = Frame.world(origin=(-90, -126, -72), size=(182, 218, 182))
        >>> affine = torch.tensor([[2., 0, 0, -90], [0, 2, 0, -100], [0, 0, 2, -72], [0, 0, 0, 1]])
        >>> frame.placement(affine, (40, 40, 40)).start  # millimeters from the origin
        (0, 26, 0)
    """

    affine: Tensor
    size: tuple[int, ...]

    @classmethod
    def world(
        cls, origin: Sequence[float], size: Sequence[int], spacing: float | Sequence[float] = 1
    ) -> "Frame":
        """Return a box that is parallel to the world axes, as a frame shared by all images.

        Args:
            origin: The corner with the lowest coordinates, in millimeters.
            size: Number of voxels of the box along each axis.
            spacing: Size of the voxels in millimeters.
        """
        each = [spacing] * len(size) if isinstance(spacing, (int, float)) else spacing
        affine = torch.diag(torch.tensor([*each, 1], dtype=torch.float64))
        affine[:-1, -1] = torch.as_tensor(origin, dtype=torch.float64)
        return cls(affine, tuple(size))

    def placement(self, affine: Tensor, size: Sequence[int]) -> Placement:
        """Return where the voxels of an image are in the frame.

        Args:
            affine: Maps voxel indices of the image to world coordinates; shape (4, 4) or
                (d + 1, d + 1), or (N, ...) with one matrix per sample.
            size: Size of the image.

        Raises:
            ValueError: If the image and the frame differ in the number of axes.
        """
        if len(size) != len(self.size):
            raise ValueError(
                f"the frame has {len(self.size)} axes, but the image has size {tuple(size)}"
            )
        rank = len(size)
        inverse = torch.linalg.inv(of_first_axes(self.affine, rank))
        return placed_by(Placement(self.size), inverse @ of_first_axes(affine, rank), size)
