"""The rules from counts and intervals to verdicts; the reasons are in docs/decisions/0027.

A verdict is about a statement as its source makes it. *Undecided* means that the runs are too few,
or vary too much, to say either.
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
"""Runs of an arm below which a row of a table is not judged."""

USEFUL_WIDTH = 0.2
"""Wider than this, a prediction interval holds figures that no reader would call alike."""

ROUNDING = 0.0005
"""Half of the last digit of a published percentage."""


def of_share(held: int, n: int) -> Verdict:
    """Judge "it happens in every run" by the runs in which it did.

    Some but not all: partly. All or none counts once the exact interval of the share is on one
    side of one half, from six runs on; before that it is undecided.
    """
    if 0 < held < n:
        return "partly"
    low, high = fraction_interval(held, n)
    if held == n:
        return "reproduced" if low > 0.5 else "undecided"
    return "not reproduced" if high < 0.5 else "undecided"


def of_possibility(found: bool) -> Verdict:
    """Judge "it can": one run that does is enough, and without one it is undecided."""
    return "reproduced" if found else "undecided"


def of_impossibility(counterexamples: int, n: int) -> Verdict:
    """Judge "none does": one run that does refutes it; without one, `of_share` of the others."""
    return "not reproduced" if counterexamples else of_share(n, n)


def of_perfect_run(perfect: int, n: int) -> Verdict:
    """Judge one published run that is perfect by the runs of ours that are.

    Every run of ours agrees with it, or some do. If none does, it is refuted only once the exact
    interval leaves a perfect run a chance of less than 5%; that takes 72 runs.
    """
    if perfect:
        return "reproduced" if perfect == n else "partly"
    return "not reproduced" if fraction_interval(0, n)[1] < SIGNIFICANT else "undecided"


def of_figures(sides: Sequence[Sequence[float]], figures: Sequence[float]) -> Verdict:
    """Judge the published figures of one run, such as its training and test accuracy.

    A figure outside of the 95% prediction interval for one further run of ours is not reproduced.
    Inside of one that is wider than `USEFUL_WIDTH`, it is undecided.

    Args:
        sides: For each figure, our values, in [0, 1].
        figures: What was published.
    """
    widest = 0.0
    for values, figure in zip(sides, figures, strict=True):
        low, high = prediction_interval(values, (0, 1))
        if not low - ROUNDING <= figure <= high + ROUNDING:
            return "not reproduced"
        widest = max(widest, high - low)
    return "reproduced" if widest <= USEFUL_WIDTH else "undecided"


def of_paired(found: PairedMean | None, separate: bool, holds: bool = True) -> Verdict:
    """Judge "the left side is higher" by paired differences.

    Args:
        found: Their mean; None where there are too few.
        separate: Whether in every stratum the lowest value on the left is above the highest on the
            right. Below `FEW` pairs the t test rests on its assumptions, so that this is asked too.
        holds: What the statement asks for beyond a difference.
    """
    if found is None or found.p >= SIGNIFICANT:
        return "undecided"
    if found.effect < 0:
        return "not reproduced"
    if found.n < FEW and not separate:
        return "undecided"
    return "reproduced" if holds else "partly"


def of_signs(wins: int, losses: int) -> Verdict:
    """Judge "the left side succeeds more often" by the pairs of which one side succeeded."""
    found = fraction_interval(wins, wins + losses) if wins + losses else (0.0, 1.0)
    if found[0] > 0.5:
        return "reproduced"
    return "not reproduced" if found[1] < 0.5 else "undecided"


_WORST_FIRST: Sequence[Verdict] = ("not reproduced", "undecided", "partly", "reproduced")


def all_of(parts: Sequence[Verdict]) -> Verdict:
    """Judge a statement that holds only where all of its parts do, by the worst of them."""
    return min(parts, key=_WORST_FIRST.index)


def across(cases: Sequence[Verdict]) -> Verdict:
    """Judge a statement about several cases, each of which says something without the others.

    Reproduced where it is in every case, partly where it is in some; else undecided while a case
    is, and not reproduced where none is.
    """
    if all(case == "reproduced" for case in cases):
        return "reproduced"
    if {"reproduced", "partly"} & {*cases}:
        return "partly"
    return "undecided" if "undecided" in cases else "not reproduced"
