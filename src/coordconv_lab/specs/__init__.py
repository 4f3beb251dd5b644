"""Frozen, validated descriptions of an experiment; a run's id is the hash of its description.

Sizes are (height, width), points (x, y), lengths in pixels, rates per optimizer step.
"""

from coordconv_lab.specs.data import GALLERY_SPLIT_SEED, DataSpec, SplitName, SplitVariant
from coordconv_lab.specs.experiment import (
    BASELINE,
    SPEC_VERSION,
    ExperimentSpec,
    ModelName,
    TaskName,
    explain,
    parse_data_spec,
    parse_spec,
)
from coordconv_lab.specs.models import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    CoordinateOptions,
    DeconvNet,
    FlatRegressor,
    Grid,
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
    Initialisation,
    ModelSpec,
    Padding,
    SquareAutoencoder,
    TransformerRegressor,
)
from coordconv_lab.specs.training import TrainingSpec

__all__ = [
    "BASELINE",
    "GALLERY_SPLIT_SEED",
    "SPEC_VERSION",
    "ConvFlatRegressor",
    "ConvPooledRegressor",
    "CoordConvClassifier",
    "CoordConvRegressor",
    "CoordConvRenderer",
    "CoordinateOptions",
    "DataSpec",
    "DeconvNet",
    "ExperimentSpec",
    "FlatRegressor",
    "Grid",
    "HandBuiltClassifier",
    "HandBuiltRegressor",
    "HandBuiltRenderer",
    "Initialisation",
    "ModelName",
    "ModelSpec",
    "Padding",
    "SplitName",
    "SplitVariant",
    "SquareAutoencoder",
    "TaskName",
    "TrainingSpec",
    "TransformerRegressor",
    "explain",
    "parse_data_spec",
    "parse_spec",
]
