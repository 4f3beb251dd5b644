"""Labels of one person, from a NIfTI file."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from coordconv_lab.nifti import volume_of

MILLIMETERS = 4
"""Size of a voxel."""

SIDE, REGIONS = 41, 82
"""Labels 1 to 41 are regions on the left, and labels 42 to 82 are the same regions on the right."""


class Brain(NamedTuple):
    """The brain of one person. The axes x, y and z start at the left, the back and the bottom.

    Attributes:
        silhouette: The fraction of each voxel that belongs to a region, (X, Y, Z).
        labels: The label at the center of each voxel, or 0, (X, Y, Z).
        first: The position of the start of the first voxel, in millimeters, along each axis.
    """

    silhouette: Tensor
    labels: Tensor
    first: tuple[float, ...]


def brain_of(content: bytes) -> Brain:
    """Read a compressed NIfTI file with voxels of 1 mm along the axes of the scanner."""
    labels, first = volume_of(content)
    labels = np.where(labels <= REGIONS, labels, 0).astype(np.int64)
    half, k = MILLIMETERS // 2, MILLIMETERS
    margins = [(0, math.ceil(n / k) * k - n) for n in labels.shape]
    full = torch.from_numpy(np.pad(labels, margins))
    silhouette = functional.avg_pool3d((full > 0).float()[None], k)[0]
    return Brain(silhouette, full[half::k, half::k, half::k], tuple(one - 0.5 for one in first))
