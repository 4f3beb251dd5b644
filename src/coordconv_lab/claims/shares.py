"""Findings that are the share of runs for which something held."""

from collections.abc import Sequence

from coordconv_lab.claims.claim import Finding, graded
from coordconv_lab.claims.statistics import fraction_interval
from coordconv_lab.results.record import Record
from coordconv_lab.results.wording import percent


def share(held: int, n: int, measure: str, condition: str = "") -> Finding:
    """Reproduced where it held in all runs, not where in none, with the exact interval."""
    return Finding(graded(held, n), n, measure, held / n, fraction_interval(held, n), condition)


def solved(runs: Sequence[Record]) -> int:
    """How many runs are right at every training and test position."""
    return sum(run.train_score == run.test_score == 1 for run in runs)


def share_solved(runs: Sequence[Record], condition: str = "") -> Finding:
    """The share of seeds that are right everywhere; the worst of them where there are others."""
    perfect = solved(runs)
    worst = min(min(run.train_score, run.test_score) for run in runs)
    parts = [condition, "" if perfect == len(runs) else f"lowest accuracy {percent(worst)}"]
    return share(
        perfect,
        len(runs),
        "share of seeds with 100% in training and test",
        "; ".join(filter(None, parts)),
    )
