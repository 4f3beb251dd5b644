"""Convert the convolutions of existing models to coordinate layers and back."""

from coordconv.conversion.checkpoints import from_concatenated, from_plain, to_concatenated
from coordconv.conversion.configuration import conversion_config, convert_from_config
from coordconv.conversion.convert import convert
from coordconv.conversion.expand import collapse, expand
from coordconv.conversion.fold import fold
from coordconv.conversion.fuse import fuse_batch_norm
from coordconv.conversion.known import register_convolution
from coordconv.conversion.report import Change, Report
from coordconv.conversion.revert import revert

__all__ = [
    "Change",
    "Report",
    "collapse",
    "conversion_config",
    "convert",
    "convert_from_config",
    "expand",
    "fold",
    "from_concatenated",
    "from_plain",
    "fuse_batch_norm",
    "register_convolution",
    "revert",
    "to_concatenated",
]
