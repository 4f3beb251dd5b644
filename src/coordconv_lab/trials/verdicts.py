"""Verdicts from paired differences between two arms.

Differences are checked after 5, 10, 20, 40, ... seeds. The first check may be wrong in half of 5%,
the second in a quarter, and so on, divided by the number of comparisons (Bonferroni). So at most 5%
of the trials in which no arm differs report a difference, also if seeds are added later, provided
that the differences are normally distributed.
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
    """Comparison of an arm with another, such as the model without coordinates.

    Attributes:
        differences: For each seed of the last check, the score of the arm minus the score of the
            other, signed so that positive is better; before the first check, for all seeds.
        mean: The mean difference.
        interval: The corrected interval of the mean at the last look; None before the first.
        verdict: The verdict that follows from the interval.
        more_seeds: About how many more seeds would give a verdict, if mean and spread stayed as
            they are; None if there is a verdict, or if this cannot be estimated.
    """

    differences: tuple[float, ...]
    mean: float
    interval: tuple[float, float] | None
    verdict: Verdict
    more_seeds: int | None


def looks(seeds: int) -> list[int]:
    """Return after how many seeds the differences are checked, up to a number of seeds.

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
    """Return the seeds between two checks. All runs of a round can be done at once.

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
    """Judge an arm by its differences.

    Args:
        differences: One for each seed, in their order or by seed; None if one of its runs failed.
            The seeds of runs that have not ended are left out.
        comparisons: Number of comparisons of the trial.
        min_difference: Smallest difference that matters. "no difference" means that the interval
            is between minus this and this; with 0, that verdict is never given.

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
    # A check waits for all runs of the seeds below its number: runs that end first may differ from
    # the others. Failed runs are left out, and at least five have to remain.
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
        verdict = "undecided"  # the runs are copies of one run
    more = _more_seeds(values, level, min_difference) if verdict == "undecided" else None
    return Comparison(values, float(np.mean(values)), interval, verdict, more)


def check_min_difference(value: float) -> None:
    """Check the smallest difference that matters.

    Raises:
        InputError: It is negative, or not a number.
    """
    if not value >= 0:
        raise InputError(f"the smallest difference must be at least 0, got {value}")


def level_of(count: int, comparisons: int) -> float:
    """Return how often one comparison may be wrong at the check after so many seeds.

    Example:
        >>> level_of(5, 1), level_of(10, 1)
        (0.025, 0.0125)
    """
    return ERROR / 2 ** len(looks(count)) / comparisons


def power(effect: float, comparisons: int, seeds: int) -> float:
    """Return the chance that an arm is found to help, by simulation of 4,000 trials.

    Args:
        effect: True mean difference, in standard deviations of the paired differences.
        comparisons: Number of comparisons of the trial.
        seeds: Number of seeds, at most.

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
    """Return the differences of the seeds below a number."""
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
    """Return how many more seeds would decide at the present mean and spread."""
    mean, spread = abs(float(np.mean(values))), float(np.std(values, ddof=1))
    half = max(mean, least - mean)  # as wide may half an interval be that excludes 0, or is inside
    if not half or not spread:
        return None
    counts = np.arange(len(values) + 1, _MOST_SEEDS + 1)
    halves = stats.t.ppf(1 - level / 2, counts - 1) * spread / np.sqrt(counts)
    enough = counts[halves < half]
    return int(enough[0]) - len(values) if len(enough) else None
