"""Coordinates for models that exist: from plain convolutions to coordinate layers and back."""

from coordconv.conversion.checkpoints import from_concatenated, from_plain, to_concatenated
from coordconv.conversion.convert import convert
from coordconv.conversion.expand import collapse, expand
from coordconv.conversion.fold import fold
from coordconv.conversion.fuse import fuse_batch_norm
from coordconv.conversion.report import Change, Report
from coordconv.conversion.revert import revert

__all__ = [
    "Change",
    "Report",
    "collapse",
    "convert",
    "expand",
    "fold",
    "from_concatenated",
    "from_plain",
    "fuse_batch_norm",
    "revert",
    "to_concatenated",
]
