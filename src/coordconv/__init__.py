"""CoordConv: convolutions that know where they are (Liu et al. 2018, arXiv:1807.03247)."""

from importlib.metadata import PackageNotFoundError, version

from coordconv.functional import append_coordinates, coord_conv2d
from coordconv.grids import coordinate_grid
from coordconv.layers import AddCoords, CoordConv2d

__all__ = ["AddCoords", "CoordConv2d", "append_coordinates", "coord_conv2d", "coordinate_grid"]

try:
    __version__ = version("torch-coordconv")
except PackageNotFoundError:  # Imported from a checkout that is not installed.
    __version__ = "0+unknown"
