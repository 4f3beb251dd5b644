"""Runs that are trained once for all tests of this directory."""

import pytest

from coordconv_lab import train

SMALL = {"canvas": (16, 21), "square": 3, "progress": False}
"""A canvas that is never square, so that swapped axes show."""


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def regressor(directory):
    return train("regression", split="quadrant", epochs=1, runs=directory, **SMALL)


@pytest.fixture(scope="session")
def averaged(directory):
    words = {"split": "quadrant", "epochs": 1, "head": "average", "runs": directory}
    return train("regression", **words, **SMALL)


@pytest.fixture(scope="session")
def exact(tmp_path_factory):
    """Networks that are right everywhere without training, one per task."""
    runs = tmp_path_factory.mktemp("exact")
    small = {"canvas": (16, 21), "model__square": 3, "data__square": 3, "progress": False}
    own = {"canvas": (64, 64), "model__square": 9, "progress": False}  # the canvas of the gallery
    return {
        "classification": train(
            "classification", model="hand-built-classifier", runs=runs, **SMALL
        ),
        "regression": train("regression", model="hand-built-regressor", runs=runs, **SMALL),
        "rendering": train("rendering", model="hand-built-renderer", runs=runs, **own),
        "small rendering": train("rendering", model="hand-built-renderer", runs=runs, **small),
    }
