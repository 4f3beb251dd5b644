"""The rules that turn counts and intervals into verdicts; see docs/decisions/0027.

A verdict is about the statement of the source. *Undecided* means that there are too few runs, or
that they vary too much.
"""

from collections.abc import Sequence

from coordconv_lab.claims.claim import Verdict
from coordconv_lab.claims.statistics import (
    CONFIDENCE,
    FEW,
    PairedMean,
    fraction_interval,
    prediction_interval,
)

SIGNIFICANT = 1 - CONFIDENCE
"""The p value below which a difference counts."""

ENOUGH = 3
"""The number of runs required to judge a row of a table."""

USEFUL_WIDTH = 0.2
"""Maximum width; a wider prediction interval contains scores that clearly differ."""

ROUNDING = 0.0005
"""Half of the last digit of a published percentage."""


def of_share(held: int, n: int) -> Verdict:
    """Judge "it happens in every run" by the number of runs in which it happened.

    If it happened in some runs but not in all, the verdict is partly. If it happened in all or in
    no run, the exact interval of the fraction must exclude one half, which takes six runs; with
    fewer runs the verdict is undecided.
    """
    if 0 < held < n:
        return "partly"
    low, high = fraction_interval(held, n)
    if held == n:
        return "reproduced" if low > 0.5 else "undecided"
    return "not reproduced" if high < 0.5 else "undecided"


def of_possibility(found: bool) -> Verdict:
    """Judge "it can happen": one run is enough; without such a run, the verdict is undecided."""
    return "reproduced" if found else "undecided"


def of_impossibility(counterexamples: int, n: int) -> Verdict:
    """Judge "it never happens": one counterexample refutes it; otherwise see `of_share`."""
    return "not reproduced" if counterexamples else of_share(n, n)


def of_perfect_run(perfect: int, n: int) -> Verdict:
    """Judge one published perfect run by the number of our runs that are perfect.

    If none of our runs is perfect, the published run is refuted only if the exact interval for the
    probability of a perfect run is below 5%, which takes 72 runs.
    """
    if perfect:
        return "reproduced" if perfect == n else "partly"
    return "not reproduced" if fraction_interval(0, n)[1] < SIGNIFICANT else "undecided"


def of_figures(sides: Sequence[Sequence[float]], figures: Sequence[float]) -> Verdict:
    """Judge the published figures of one run, such as its training and test accuracy.

    A figure outside the 95% prediction interval for another run of ours is not reproduced. If the
    interval contains the figure but is wider than `USEFUL_WIDTH`, the verdict is undecided.

    Args:
        sides: Our values for each figure, in [0, 1].
        figures: The published figures.
    """
    widest = 0.0
    for values, figure in zip(sides, figures, strict=True):
        low, high = prediction_interval(values, (0, 1))
        if not low - ROUNDING <= figure <= high + ROUNDING:
            return "not reproduced"
        widest = max(widest, high - low)
    return "reproduced" if widest <= USEFUL_WIDTH else "undecided"


def of_paired(found: PairedMean | None, separate: bool) -> Verdict:
    """Judge "the left side is higher" by paired differences.

    Args:
        found: The mean difference; None if there are too few pairs.
        separate: Whether in every stratum the lowest value on the left is above the highest on the
            right. With fewer than `FEW` pairs this is also required, because the t test then relies
            on its assumptions.
    """
    if found is None or found.p >= SIGNIFICANT:
        return "undecided"
    if found.effect < 0:
        return "not reproduced"
    if found.n < FEW and not separate:
        return "undecided"
    return "reproduced"


def of_signs(wins: int, losses: int) -> Verdict:
    """Judge "the left side succeeds more often" by the pairs in which only one side succeeded."""
    found = fraction_interval(wins, wins + losses) if wins + losses else (0.0, 1.0)
    if found[0] > 0.5:
        return "reproduced"
    return "not reproduced" if found[1] < 0.5 else "undecided"


_WORST_FIRST: Sequence[Verdict] = ("not reproduced", "undecided", "partly", "reproduced")


def all_of(parts: Sequence[Verdict]) -> Verdict:
    """Judge a statement that requires all of its parts, by the worst verdict."""
    return min(parts, key=_WORST_FIRST.index)


def across(cases: Sequence[Verdict]) -> Verdict:
    """Judge a statement about several independent cases.

    The verdict is reproduced if every case is reproduced, and partly if at least one case is
    reproduced or partly. Otherwise it is undecided if any case is undecided, or not reproduced.
    """
    if all(case == "reproduced" for case in cases):
        return "reproduced"
    if {"reproduced", "partly"} & {*cases}:
        return "partly"
    return "undecided" if "undecided" in cases else "not reproduced"
