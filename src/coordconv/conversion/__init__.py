"""Coordinates for models that exist: from plain convolutions to coordinate layers and back."""

from coordconv.conversion.checkpoints import from_concatenated, from_plain, to_concatenated
from coordconv.conversion.configuration import conversion_config, convert_from_config
from coordconv.conversion.convert import convert
from coordconv.conversion.fold import fold
from coordconv.conversion.report import Change, Report
from coordconv.conversion.revert import revert

__all__ = [
    "Change",
    "Report",
    "conversion_config",
    "convert",
    "convert_from_config",
    "fold",
    "from_concatenated",
    "from_plain",
    "revert",
    "to_concatenated",
]
