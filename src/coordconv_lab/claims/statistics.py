"""Intervals and tests at 95% for fractions, means, single runs and paired differences."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95

FEW = 5
"""Minimum number of values for an interval; fewer values are shown individually."""


def fraction_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a fraction.

    For runs from several strata, it is conservative for the mean fraction: the number of successes
    varies less if the probabilities are unequal than if they are equal (Hoeffding 1956).

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
    """Return the interval of a mean by Student's t, cut at the bounds; None if values are equal."""
    if len(values) < 2 or min(values) == max(values):
        return None
    low, high = stats.t.interval(
        CONFIDENCE, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    return max(float(low), bounds[0]), min(float(high), bounds[1])


def prediction_interval(
    values: Sequence[float], bounds: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float]:
    """Return the prediction interval for one more value, cut at the bounds.

    It is mean ± t s sqrt(1 + 1/n).

    Raises:
        ValueError: There are fewer than two values.

    Example:
        >>> low, high = prediction_interval([1.0, 2.0, 3.0])
        >>> f"{low:.2f} to {high:.2f}"
        '-2.97 to 6.97'
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"expected at least two values, got {n}")
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * spread * math.sqrt(1 + 1 / n)
    return max(mean - half, bounds[0]), min(mean + half, bounds[1])


class PairedMean(NamedTuple):
    """The mean of paired differences over strata.

    Attributes:
        effect: The mean of the means of the strata.
        interval: Interval of `effect`, by Student's t.
        p: Two-sided p value for no difference.
        n: Number of pairs.
    """

    effect: float
    interval: tuple[float, float]
    p: float
    n: int


def paired_mean(strata: Sequence[Sequence[float]]) -> PairedMean | None:
    """Return the mean difference of pairs over equally weighted strata, by a t test.

    The strata are fixed, such as the two splits; the pairs vary, with one variance for all strata.
    With one stratum it is the ordinary paired t test.

    Args:
        strata: For each stratum, the differences of its pairs.

    Returns:
        The estimate; None if there are fewer than two degrees of freedom.

    Raises:
        ValueError: A stratum has no pair.
    """
    if not all(map(len, strata)):
        raise ValueError("expected a pair in every stratum, got a stratum without one")
    n = sum(map(len, strata))
    freedom = n - len(strata)
    if freedom < 2:
        return None
    effect = float(np.mean([np.mean(one) for one in strata]))
    squares = sum(float(np.sum((np.asarray(one) - np.mean(one)) ** 2)) for one in strata)
    of_mean = sum(1 / len(one) for one in strata) / len(strata) ** 2
    error = math.sqrt(squares / freedom * of_mean)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(effect) / error, freedom)) if error else float(effect == 0)
    return PairedMean(effect, (effect - half, effect + half), p, n)


def holm(values: Sequence[float]) -> list[float]:
    """Adjust the p values of several tests by Holm's method.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = largest
    return adjusted
