"""Verdicts from the differences between the scores of two arms with the same seed.

Differences are checked after 5, 10, 20, 40, ... seeds. The first check uses the error probability
5% / 2, the second 5% / 4, and so on. Each probability is divided by the number of comparisons in
the trial (Bonferroni correction). Thus, if no arm makes a difference and the differences are
normally distributed, at most 5% of trials report a difference, even if seeds are added later.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from coordconv_lab.errors import InputError

__all__ = [
    "MIN_SEEDS",
    "Comparison",
    "Verdict",
    "check_min_difference",
    "compared",
    "level_of",
    "looks",
    "power",
    "rounds",
]

Verdict = Literal["helps", "hurts", "no difference", "undecided"]
ERROR = 0.05
MIN_SEEDS = 5
_MOST_SEEDS = 1000


class Comparison(NamedTuple):
    """Comparison of an arm with another arm, such as the model without coordinates.

    Attributes:
        differences: For each seed, the score of the arm minus the score of the other arm. If lower
            scores are better, the sign is reversed, so that positive differences are always better.
            Only the seeds of the last check are included, or all seeds if there was no check yet.
        mean: The mean difference.
        interval: The confidence interval of the mean at the last check, corrected for the number of
            comparisons and checks; None before the first check.
        verdict: The verdict that follows from the interval.
        more_seeds: Estimated number of additional seeds until there is a verdict, if mean and
            spread do not change. None if there already is a verdict, or if the number cannot be
            estimated.
    """

    differences: tuple[float, ...]
    mean: float
    interval: tuple[float, float] | None
    verdict: Verdict
    more_seeds: int | None


def looks(seeds: int) -> list[int]:
    """Return the numbers of seeds after which differences are checked, up to a maximum.

    Example:
        >>> looks(25)
        [5, 10, 20]
    """
    counts = []
    count = MIN_SEEDS
    while count <= seeds:
        counts.append(count)
        count *= 2
    return counts


def rounds(seeds: int) -> list[range]:
    """Return the seeds between two checks. All runs of a round can be executed in parallel.

    Example:
        >>> rounds(12)
        [range(0, 5), range(5, 10), range(10, 12)]
    """
    ends = [0, *looks(seeds), seeds]
    return [range(low, high) for low, high in itertools.pairwise(ends) if low < high]


def compared(
    differences: Sequence[float] | Mapping[int, float | None],
    comparisons: int,
    min_difference: float = 0.0,
) -> Comparison:
    """Compare two arms, given the differences of their scores.

    Args:
        differences: One difference per seed, as a sequence or as a mapping from the seed. A
            difference is None if a run with that seed failed. Seeds with unfinished runs are left
            out.
        comparisons: Number of comparisons of the trial.
        min_difference: Smallest difference that matters. The verdict is "no difference" if the
            interval is between ``-min_difference`` and ``min_difference``. If ``min_difference`` is
            0, this verdict is never given.

    Raises:
        InputError: There are no differences, or ``min_difference`` is negative.

    Example:
        >>> compared([0.21, 0.19, 0.22, 0.2, 0.18], comparisons=1).verdict
        'helps'
    """
    by_seed = differences if isinstance(differences, Mapping) else dict(enumerate(differences))
    every = _below(by_seed, len(by_seed) and max(by_seed) + 1)
    if not every:
        raise InputError("expected at least one difference, got none")
    check_min_difference(min_difference)
    # Wait until all runs for a check have ended, because runs that end early may differ from the
    # others. Failed runs are omitted; at least five runs have to remain.
    ended = next(seed for seed in itertools.count() if seed not in by_seed)
    checks = [(count, _below(by_seed, count)) for count in looks(ended)]
    checks = [(count, values) for count, values in checks if len(values) >= MIN_SEEDS]
    if not checks:
        more = max(MIN_SEEDS - len(every), 1)
        return Comparison(every, float(np.mean(every)), None, "undecided", more)
    count, values = checks[-1]
    level = level_of(count, comparisons)
    interval = _interval(values, level)
    verdict = _verdict(interval, min_difference)
    if len(set(values)) == 1 and values[0] != 0:
        verdict = "undecided"  # if all differences are equal, seeds have no effect
    more = _more_seeds(values, level, min_difference) if verdict == "undecided" else None
    return Comparison(values, float(np.mean(values)), interval, verdict, more)


def check_min_difference(value: float) -> None:
    """Check that the smallest difference that matters is valid.

    Raises:
        InputError: The value is negative or NaN.
    """
    if not value >= 0:
        raise InputError(f"the smallest difference must be at least 0, got {value}")


def level_of(count: int, comparisons: int) -> float:
    """Return the allowed probability of a false verdict at the check after ``count`` seeds.

    Example:
        >>> level_of(5, 1), level_of(10, 1)
        (0.025, 0.0125)
    """
    return ERROR / 2 ** len(looks(count)) / comparisons


def power(effect: float, comparisons: int, seeds: int) -> float:
    """Estimate the probability that an arm is found to help, by simulating 4,000 trials.

    Args:
        effect: True mean difference, in standard deviations of the paired differences.
        comparisons: Number of comparisons of the trial.
        seeds: Maximum number of seeds.

    Example:
        >>> 0.6 < power(1.5, comparisons=2, seeds=10) < 1
        True
    """
    generator = np.random.default_rng(0)
    values = generator.normal(effect, 1, (4000, seeds))
    verdicts = np.zeros(len(values))
    for count in looks(seeds):
        level = level_of(count, comparisons)
        half = stats.t.ppf(1 - level / 2, count - 1) * stats.sem(values[:, :count], axis=1)
        mean = values[:, :count].mean(1)
        verdicts = np.where((verdicts == 0) & (abs(mean) > half), np.sign(mean), verdicts)
    return float((verdicts > 0).mean())


def _below(by_seed: Mapping[int, float | None], count: int) -> tuple[float, ...]:
    """Return the differences of the seeds below ``count``, without failed runs."""
    found = (by_seed[seed] for seed in sorted(by_seed) if seed < count)
    return tuple(float(one) for one in found if one is not None)


def _interval(values: Sequence[float], level: float) -> tuple[float, float]:
    mean = float(np.mean(values))
    half = float(stats.t.ppf(1 - level / 2, len(values) - 1) * stats.sem(values))
    return mean - half, mean + half


def _verdict(interval: tuple[float, float], least: float) -> Verdict:
    low, high = interval
    if -least < low and high < least:
        return "no difference"
    if low > 0:
        return "helps"
    return "hurts" if high < 0 else "undecided"


def _more_seeds(values: Sequence[float], level: float, least: float) -> int | None:
    """Estimate how many more seeds would give a verdict, at the current mean and spread."""
    mean, spread = abs(float(np.mean(values))), float(np.std(values, ddof=1))
    half = max(mean, least - mean)  # the half-width at which the interval gives a verdict
    if not half or not spread:
        return None
    counts = np.arange(len(values) + 1, _MOST_SEEDS + 1)
    halves = stats.t.ppf(1 - level / 2, counts - 1) * spread / np.sqrt(counts)
    enough = counts[halves < half]
    return int(enough[0]) - len(values) if len(enough) else None
