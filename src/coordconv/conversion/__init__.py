"""Convert the convolutions of existing models to coordinate layers and back."""

from coordconv.conversion.checkpoints import from_concatenated, from_plain, to_concatenated
from coordconv.conversion.configuration import conversion_config, convert_from_config
from coordconv.conversion.convert import convert
from coordconv.conversion.decompose import decompose, recompose
from coordconv.conversion.fuse import fuse_batch_norm
from coordconv.conversion.known import register_convolution
from coordconv.conversion.precompute import precompute
from coordconv.conversion.report import Change, Report
from coordconv.conversion.revert import revert

__all__ = [
    "Change",
    "Report",
    "conversion_config",
    "convert",
    "convert_from_config",
    "decompose",
    "from_concatenated",
    "from_plain",
    "fuse_batch_norm",
    "precompute",
    "recompose",
    "register_convolution",
    "revert",
    "to_concatenated",
]
