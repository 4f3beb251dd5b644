"""Findings about a single group of runs: a fraction of the runs, or a mean."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from coordconv_lab.claims.claim import Finding, Verdict
from coordconv_lab.claims.statistics import FEW, fraction_interval, mean_interval
from coordconv_lab.claims.tries import solves
from coordconv_lab.claims.verdicts import of_share
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import percent


def share(
    held: int, n: int, measure: str, condition: str = "", verdict: Verdict | None = None
) -> Finding:
    """Return the fraction of runs in which a statement held.

    Args:
        held: Number of runs in which the statement held.
        n: Number of runs.
        measure: A description of the runs that are counted.
        condition: The conditions under which the claim holds, or other details.
        verdict: The verdict; by default, that of `of_share`.
    """
    interval = fraction_interval(held, n) if n >= FEW else None
    found = verdict or of_share(held, n)
    return Finding(found, n, measure, held / n, interval, condition, held=held)


def of_theorem(held: int, n: int, measure: str, condition: str) -> Finding:
    """Return the runs that agree with a theorem, as `share` does, but without an interval.

    The runs only show that the theorem is about these networks, so the fraction is not an estimate.
    """
    return share(held, n, measure, condition)._replace(interval=None)


def of_values(
    verdict: Verdict,
    values: Sequence[float],
    measure: str,
    condition: str,
    bounds: tuple[float, float] = (0, 1),
) -> Finding:
    """Return the mean of values with its interval, or the values themselves if there are few.

    Args:
        verdict: The verdict that follows from the values.
        values: One value per run.
        measure: A description of the values.
        condition: The conditions under which the claim holds, or other details.
        bounds: The smallest and the largest possible value.
    """
    few = len(values) < FEW
    interval = None if few else mean_interval(values, bounds)
    shown = tuple(values) if few else ()
    return Finding(verdict, len(values), measure, fmean(values), interval, condition, shown)


def solved(runs: Sequence[Record]) -> int:
    """Return how many runs solve their task."""
    return sum(map(solves, runs))


def listed(arms: Mapping[str, Sequence[Record]]) -> str:
    """Describe how many runs of each arm solve their task."""
    return "; ".join(f"{name}: {solved(runs)} of {len(runs)}" for name, runs in arms.items())


def share_solved(arms: Mapping[str, Sequence[Record]]) -> Finding:
    """Return the fraction of runs that solve their task, with the count of every arm.

    Args:
        arms: The runs by the name of their arm, such as the split.
    """
    runs = [run for arm in arms.values() for run in arm]
    worst = min(min(run.train_score, run.test_score) for run in runs)
    condition = listed(arms)
    if solved(runs) < len(runs):
        condition += f"; lowest score {percent(worst)}"
    return share(solved(runs), len(runs), "runs that solve the task", condition)
