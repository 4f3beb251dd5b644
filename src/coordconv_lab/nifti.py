"""Volumes from NIfTI files, reoriented so that the axes start at left, back and bottom."""

import gzip
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_TYPES = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8"}
"""Data types by their codes in the format."""


class Volume(NamedTuple):
    """A volume whose axes x, y and z start at left, back and bottom.

    Attributes:
        voxels: (X, Y, Z).
        first: Center of the first voxel, in millimeters.
    """

    voxels: NDArray[Any]
    first: tuple[float, ...]


def volume_of(content: bytes) -> Volume:
    """Read a compressed NIfTI file whose voxels are aligned with the axes of the scanner."""
    voxels, affine = _as_stored(gzip.decompress(content))
    order = [int(np.abs(row[:3]).argmax()) for row in affine]
    first = []
    for axis, row in zip(order, affine, strict=True):
        backwards = row[axis] < 0
        first.append(float(row[3] + (row[axis] * (voxels.shape[axis] - 1) if backwards else 0)))
        voxels = np.flip(voxels, axis) if backwards else voxels
    return Volume(voxels.transpose(order), tuple(first))


def _as_stored(content: bytes) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return the voxels of a NIfTI file, (X, Y, Z), and its affine, (3, 4)."""
    size = np.frombuffer(content, "<i2", 4, offset=40)[1:]
    code = int(np.frombuffer(content, "<i2", 1, offset=70)[0])
    start = int(np.frombuffer(content, "<f4", 1, offset=108)[0])
    affine = np.frombuffer(content, "<f4", 12, offset=280).reshape(3, 4)
    voxels = np.frombuffer(content, _TYPES[code], int(size.prod()), offset=start)
    return voxels.reshape(size, order="F"), affine
