"""CoordConv as modules, which call the functions in `coordconv.functional`."""

from coordconv.layers.add_coords import AddCoords
from coordconv.layers.convolution import CoordConv1d, CoordConv2d, CoordConv3d
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.lazy import (
    LazyCoordConv1d,
    LazyCoordConv2d,
    LazyCoordConv3d,
    LazyCoordConvTranspose1d,
    LazyCoordConvTranspose2d,
    LazyCoordConvTranspose3d,
)
from coordconv.layers.replacement import check_registration as check_registration
from coordconv.layers.transposed import (
    CoordConvTranspose1d,
    CoordConvTranspose2d,
    CoordConvTranspose3d,
)

__all__ = [
    "AddCoords",
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
]
