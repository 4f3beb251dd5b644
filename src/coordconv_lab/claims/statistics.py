"""Intervals of 95% for what is counted and what is compared."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
_RESAMPLES = 2000
# Below so many values a side, a bootstrap holds the truth less often than it says.
FEW = 10


def fraction_interval(successes: int, n: int) -> tuple[float, float]:
    """The exact (Clopper-Pearson) interval of a fraction.

    Example:
        >>> low, high = fraction_interval(10, 10)
        >>> f"{low:.3f} to {high:.0f}"
        '0.692 to 1'
    """
    interval = stats.binomtest(successes, n).proportion_ci(CONFIDENCE, method="exact")
    return float(interval.low), float(interval.high)


def mean_interval(
    values: Sequence[float], bounds: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float] | None:
    """The interval of a mean by Student's t, cut at the bounds; None where nothing varies."""
    if len(values) < 2 or min(values) == max(values):
        return None
    low, high = stats.t.interval(
        CONFIDENCE, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    return max(float(low), bounds[0]), min(float(high), bounds[1])


def difference_interval(
    left: Sequence[float], right: Sequence[float]
) -> tuple[float, float] | None:
    """The interval of mean(left) - mean(right); None where both sides do not vary at all.

    Welch's t for few values, of which a bootstrap makes too little; percentiles of resampled
    differences for many. The random numbers are always the same.
    """
    if min(len(left), len(right)) < 2 or len({*left}) == len({*right}) == 1:
        return None
    if min(len(left), len(right)) < FEW:
        with warnings.catch_warnings():
            # Said of a side whose values are all the same, which is nothing to worry about.
            warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
            found = stats.ttest_ind(left, right, equal_var=False).confidence_interval(CONFIDENCE)
    else:
        found = stats.bootstrap(
            (np.asarray(left), np.asarray(right)),
            lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            n_resamples=_RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    return float(found.low), float(found.high)


def clearly_greater(left: Sequence[float], right: Sequence[float]) -> bool:
    """Whether left lies above right beyond doubt.

    The interval of the difference lies above zero, or, where nothing varies, every value on the
    left is greater than every value on the right.
    """
    interval = difference_interval(left, right)
    return interval[0] > 0 if interval is not None else min(left) > max(right)
