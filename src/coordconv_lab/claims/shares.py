"""Findings about one group of runs: in how many something held, or what they measured."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from coordconv_lab.claims.claim import Finding, Verdict
from coordconv_lab.claims.statistics import FEW, fraction_interval, mean_interval
from coordconv_lab.claims.tries import solves
from coordconv_lab.claims.verdicts import of_share
from coordconv_lab.results.record import Record
from coordconv_lab.results.wording import percent


def share(
    held: int, n: int, measure: str, condition: str = "", verdict: Verdict | None = None
) -> Finding:
    """The share of runs in which something held.

    Args:
        held: In how many.
        n: Of how many.
        measure: What held, in words.
        condition: When it holds, what differs, or what follows.
        verdict: If not given, that of `of_share`.
    """
    interval = fraction_interval(held, n) if n >= FEW else None
    found = verdict or of_share(held, n)
    return Finding(found, n, measure, held / n, interval, condition, held=held)


def of_values(
    verdict: Verdict,
    values: Sequence[float],
    measure: str,
    condition: str,
    bounds: tuple[float, float] = (0, 1),
) -> Finding:
    """The mean of some values with its interval, or the few values themselves.

    Args:
        verdict: What follows from them.
        values: One a run.
        measure: What they are, in words.
        condition: When it holds, what differs, or what follows.
        bounds: What values can be.
    """
    few = len(values) < FEW
    interval = None if few else mean_interval(values, bounds)
    shown = tuple(values) if few else ()
    return Finding(verdict, len(values), measure, fmean(values), interval, condition, shown)


def solved(runs: Sequence[Record]) -> int:
    """How many runs solve their task."""
    return sum(map(solves, runs))


def listed(arms: Mapping[str, Sequence[Record]]) -> str:
    """How many runs of each arm solve their task, in words."""
    return "; ".join(f"{name}: {solved(runs)} of {len(runs)}" for name, runs in arms.items())


def share_solved(arms: Mapping[str, Sequence[Record]], condition: str = "") -> Finding:
    """The share of runs that solve their task, and how many of every arm do.

    Args:
        arms: The runs by what they differ in, such as the split.
        condition: What follows the numbers of the arms.
    """
    runs = [run for arm in arms.values() for run in arm]
    worst = min(min(run.train_score, run.test_score) for run in runs)
    parts = [
        listed(arms),
        "" if solved(runs) == len(runs) else f"lowest score {percent(worst)}",
        condition,
    ]
    return share(
        solved(runs), len(runs), "runs that solve the task", "; ".join(filter(None, parts))
    )
