"""Specs: immutable, validated descriptions of runs. The id of a run is the hash of its spec.

Experiments add the settings of their data and networks.
"""

from coordconv_lab.specs.base import DatasetSpec, FrozenSpec, NetworkSpec
from coordconv_lab.specs.experiment import SPEC_VERSION, ExperimentSpec, parse_spec
from coordconv_lab.specs.explanation import explain
from coordconv_lab.specs.settings import Setting, settings_of_class, settings_of_spec
from coordconv_lab.specs.training import TrainingSpec

__all__ = [
    "SPEC_VERSION",
    "DatasetSpec",
    "ExperimentSpec",
    "FrozenSpec",
    "NetworkSpec",
    "Setting",
    "TrainingSpec",
    "explain",
    "parse_spec",
    "settings_of_class",
    "settings_of_spec",
]
