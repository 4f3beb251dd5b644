"""CoordConv: convolutions that know where they are (Liu et al. 2018, arXiv:1807.03247).

Each layer convolves its input together with the coordinates of the pixels.
"""

import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from coordconv import placement_batches as placement_batches
from coordconv.conventions import CONVENTIONS, Convention
from coordconv.conversion import convert, decompose, fuse_batch_norm, precompute, recompose, revert
from coordconv.functional import append_coordinates, coord_conv, coord_conv_transpose
from coordconv.grids import Window, coordinate_grid
from coordconv.layers import (
    AddCoords,
    CoordConv1d,
    CoordConv2d,
    CoordConv3d,
    CoordConvTranspose1d,
    CoordConvTranspose2d,
    CoordConvTranspose3d,
    CoordinateLayer,
    LazyCoordConv1d,
    LazyCoordConv2d,
    LazyCoordConv3d,
    LazyCoordConvTranspose1d,
    LazyCoordConvTranspose2d,
    LazyCoordConvTranspose3d,
)
from coordconv.model_positions import positions
from coordconv.placements import Placement
from coordconv.prediction import predict_flipped, predict_tiled

__all__ = [
    "CONVENTIONS",
    "AddCoords",
    "Convention",
    "CoordConv1d",
    "CoordConv2d",
    "CoordConv3d",
    "CoordConvTranspose1d",
    "CoordConvTranspose2d",
    "CoordConvTranspose3d",
    "CoordinateLayer",
    "LazyCoordConv1d",
    "LazyCoordConv2d",
    "LazyCoordConv3d",
    "LazyCoordConvTranspose1d",
    "LazyCoordConvTranspose2d",
    "LazyCoordConvTranspose3d",
    "Placement",
    "Window",
    "append_coordinates",
    "convert",
    "coord_conv",
    "coord_conv_transpose",
    "coordinate_grid",
    "decompose",
    "fuse_batch_norm",
    "positions",
    "precompute",
    "predict_flipped",
    "predict_tiled",
    "recompose",
    "revert",
]

try:
    __version__ = version("torch-coordconv")
except PackageNotFoundError:  # Imported from a checkout that is not installed.
    __version__ = "0+unknown"

_RENAMED = {
    "PRESETS": "CONVENTIONS",
    "collapse": "recompose",
    "expand": "decompose",
    "fold": "precompute",
}


def __getattr__(name: str) -> Any:
    """Return the object that a name of an earlier version refers to, with a deprecation warning."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = _RENAMED[name]
    message = f"coordconv.{name} was renamed to coordconv.{new}; use the new name"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return globals()[new]
