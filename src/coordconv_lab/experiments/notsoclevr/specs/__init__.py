"""Settings of Not-so-Clevr: its data, its networks and its training.

Sizes are (height, width), points are (x, y), and lengths are in pixels.
"""

from coordconv_lab.experiments.notsoclevr.specs.data import (
    GALLERY_SPLIT_SEED,
    DataSpec,
    SplitName,
    SplitVariant,
    parse_data_spec,
)
from coordconv_lab.experiments.notsoclevr.specs.hand_built_networks import (
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
)
from coordconv_lab.experiments.notsoclevr.specs.image_networks import (
    CoordConvClassifier,
    CoordConvRenderer,
    DeconvNet,
    DeconvOptions,
    DeconvRenderer,
    PainterOptions,
    SquareAutoencoder,
)
from coordconv_lab.experiments.notsoclevr.specs.regression_networks import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvRegressor,
    MLPRegressor,
    TransformerRegressor,
)
from coordconv_lab.experiments.notsoclevr.specs.shared_settings import (
    CoordinateOptions,
    Grid,
    Initialisation,
    Padding,
)
from coordconv_lab.experiments.notsoclevr.specs.squares_training import SquaresTrainingSpec

__all__ = [
    "GALLERY_SPLIT_SEED",
    "ConvFlatRegressor",
    "ConvPooledRegressor",
    "CoordConvClassifier",
    "CoordConvRegressor",
    "CoordConvRenderer",
    "CoordinateOptions",
    "DataSpec",
    "DeconvNet",
    "DeconvOptions",
    "DeconvRenderer",
    "Grid",
    "HandBuiltClassifier",
    "HandBuiltRegressor",
    "HandBuiltRenderer",
    "Initialisation",
    "MLPRegressor",
    "Padding",
    "PainterOptions",
    "SplitName",
    "SplitVariant",
    "SquareAutoencoder",
    "SquaresTrainingSpec",
    "TransformerRegressor",
    "parse_data_spec",
]
