"""Coordinates for models that exist: from plain convolutions to coordinate layers and back."""

from coordconv.conversion.checkpoints import from_concatenated, from_plain, to_concatenated
from coordconv.conversion.convert import convert
from coordconv.conversion.fold import fold
from coordconv.conversion.known import register_convolution
from coordconv.conversion.report import Change, Report
from coordconv.conversion.revert import revert

__all__ = [
    "Change",
    "Report",
    "convert",
    "fold",
    "from_concatenated",
    "from_plain",
    "register_convolution",
    "revert",
    "to_concatenated",
]
