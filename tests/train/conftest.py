"""Experiments that train in a second."""

import pytest

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def tiny() -> ExperimentSpec:
    spec = tuned("regression", "quadrant", "coordconv")
    settings = {"data.canvas": (14, 18), "data.square": 5, "training.epochs": 3}
    return with_settings(spec, settings)
