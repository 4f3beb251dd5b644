"""Distances from constant predictions, at which training can get stuck, to the training points."""

import math
from functools import cache
from statistics import fmean

from coordconv_lab.results.record import Record

ALIKE = 0.5
"""Tolerance, in pixels, for a mean distance to count as that of a constant prediction."""


def training_distance(run: Record) -> float:
    """Return the mean distance of a regressor from its training points, in pixels."""
    return run.scores["train"]["mean_distance"]


@cache
def _training_positions(split: str) -> list[tuple[int, int]]:
    """Return the centers of training squares of 9 pixels on 64 x 64.

    For the uniform split, return all centers.
    """
    positions = [(x, y) for x in range(4, 60) for y in range(4, 60)]
    if split == "quadrant":
        return [(x, y) for x, y in positions if not (x >= 32 and y >= 32)]
    return positions


@cache
def best_constant(split: str) -> float:
    """Return the mean of the training points, the constant with the least squared error."""
    return fmean(x for x, _ in _training_positions(split))


@cache
def constant_distance(split: str, constant: float) -> float:
    """Return the mean training distance of the constant prediction (constant, constant)."""
    return fmean(math.dist(point, (constant, constant)) for point in _training_positions(split))


def beyond_constant(run: Record, constant: float) -> float:
    """Return the training distance of a run minus that of the prediction (constant, constant)."""
    return training_distance(run) - constant_distance(run.spec.data.split, constant)
