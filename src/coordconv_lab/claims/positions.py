"""How far a constant prediction is from the training points: where training can get stuck."""

import math
from functools import cache
from statistics import fmean

from coordconv_lab.results.record import Record


def training_distance(run: Record) -> float:
    """The mean distance of a regressor from its training points, in pixels."""
    return run.scores["train"]["mean_distance"]


@cache
def _training_positions(split: str) -> list[tuple[int, int]]:
    """Where a square of 9 fits on 64 x 64: all of it for the uniform split, whose draw is even."""
    positions = [(x, y) for x in range(4, 60) for y in range(4, 60)]
    if split == "quadrant":
        return [(x, y) for x, y in positions if not (x >= 32 and y >= 32)]
    return positions


@cache
def best_constant(split: str) -> float:
    """Both coordinates of the constant with the least squared error: the mean."""
    return fmean(x for x, _ in _training_positions(split))


@cache
def constant_distance(split: str, constant: float) -> float:
    """The mean training distance of predicting one point, (constant, constant), everywhere."""
    return fmean(math.dist(point, (constant, constant)) for point in _training_positions(split))
