"""Findings that compare two sides run by run, paired by their seeds."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

from coordconv_lab.claims.claim import Finding, Verdict
from coordconv_lab.claims.evidence import NotYet
from coordconv_lab.claims.statistics import FEW, PairedMean, paired_mean
from coordconv_lab.claims.verdicts import of_paired
from coordconv_lab.results.record import Record

Value = Callable[[Record], float]


class Stratum(NamedTuple):
    """Two arms that are compared, and what both have in common.

    Attributes:
        name: The split, the task or the encoder.
        left: The runs of the side that is said to be higher.
        right: The runs of the other side.
    """

    name: str
    left: Sequence[Record]
    right: Sequence[Record]

    @property
    def pairs(self) -> list[tuple[Record, Record]]:
        """The runs of both sides that share a seed."""
        right = {run.spec.seed: run for run in self.right}
        return [(run, right[run.spec.seed]) for run in self.left if run.spec.seed in right]


class Comparison(NamedTuple):
    """The differences of all pairs.

    Attributes:
        mean: Their mean over the strata, or None where they are too few.
        differences: Left minus right of each pair.
        separate: Whether in every stratum all of the left is above all of the right.
    """

    mean: PairedMean | None
    differences: tuple[float, ...]
    separate: bool

    def verdict(self, holds: bool = True) -> Verdict:
        """Judge "the left side is higher", and whether it is enough."""
        return of_paired(self.mean, self.separate, holds)

    def finding(self, verdict: Verdict, measure: str, condition: str) -> Finding:
        """The mean difference with its interval, or the few differences themselves."""
        few = len(self.differences) < FEW
        effect = fmean(self.differences) if self.mean is None else self.mean.effect
        interval = None if few or self.mean is None else self.mean.interval
        values = self.differences if few else ()
        return Finding(verdict, len(self.differences), measure, effect, interval, condition, values)


def compared(strata: Sequence[Stratum], value: Value) -> Comparison:
    """Subtract right from left, pair by pair.

    Raises:
        NotYet: A stratum has no pair.
    """
    differences = []
    for stratum in strata:
        if not stratum.pairs:
            raise NotYet(f"{stratum.name}: no seed that both sides have")
        differences.append([value(left) - value(right) for left, right in stratum.pairs])
    separate = all(
        min(map(value, stratum.left)) > max(map(value, stratum.right)) for stratum in strata
    )
    flat = tuple(one for stratum in differences for one in stratum)
    return Comparison(paired_mean(differences), flat, separate)


def won_and_lost(strata: Sequence[Stratum], succeeds: Callable[[Record], bool]) -> tuple[int, int]:
    """In how many pairs only the left run succeeds, and in how many only the right one."""
    outcomes = [(succeeds(left), succeeds(right)) for one in strata for left, right in one.pairs]
    return outcomes.count((True, False)), outcomes.count((False, True))


def side_by_side(
    strata: Sequence[Stratum],
    sides: tuple[str, str],
    write: Callable[[Iterable[float]], str],
    value: Value,
) -> str:
    """Write the range of every arm and its number of runs."""
    return "; ".join(
        f"{one.name}: {sides[0]} {write(map(value, one.left))} (n = {len(one.left)}), "
        f"{sides[1]} {write(map(value, one.right))} (n = {len(one.right)})"
        for one in strata
    )
