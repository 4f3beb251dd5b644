"""Findings that compare two sides, paired by seed."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

from coordconv_lab.claims.claim import Finding, Verdict
from coordconv_lab.claims.evidence import NotYet
from coordconv_lab.claims.statistics import FEW, PairedMean, holm, paired_mean
from coordconv_lab.claims.verdicts import SIGNIFICANT, of_paired
from coordconv_lab.results.record import Record

Value = Callable[[Record], float]


class Stratum(NamedTuple):
    """Two arms to compare under the same conditions.

    Attributes:
        name: The split, the task or the encoder.
        left: The runs that, according to the claim, have the higher values.
        right: The runs to compare them with.
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
        mean: Mean difference over the strata; None if there are too few pairs.
        differences: Left minus right of each pair.
        separate: Whether every left run is above every right run, in every stratum.
    """

    mean: PairedMean | None
    differences: tuple[float, ...]
    separate: bool

    @property
    def verdict(self) -> Verdict:
        """Whether the left side is higher."""
        return of_paired(self.mean, self.separate)

    def finding(self, verdict: Verdict, measure: str, condition: str) -> Finding:
        """Return the mean difference with its interval, or every difference if there are few."""
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
            raise NotYet(f"{stratum.name}: the two sides have no seed in common")
        differences.append([value(left) - value(right) for left, right in stratum.pairs])
    separate = all(
        min(map(value, stratum.left)) > max(map(value, stratum.right)) for stratum in strata
    )
    flat = tuple(one for stratum in differences for one in stratum)
    return Comparison(paired_mean(differences), flat, separate)


class Adjusted(NamedTuple):
    """Several comparisons, with p values adjusted for the number of comparisons by Holm's method.

    Attributes:
        strata: The strata that were compared, one per comparison.
        found: The comparison of each stratum.
        p: The adjusted p value of each stratum.
    """

    strata: Sequence[Stratum]
    found: Sequence[Comparison]
    p: Sequence[float]

    @property
    def verdicts(self) -> list[Verdict]:
        """Whether the left side is higher, for each stratum; undecided if p is too large."""
        return [
            one.verdict if p < SIGNIFICANT else "undecided"
            for one, p in zip(self.found, self.p, strict=True)
        ]

    @property
    def clearest(self) -> int:
        """The index of the comparison with the smallest p value."""
        return min(range(len(self.p)), key=self.p.__getitem__)

    @property
    def words(self) -> str:
        """The adjusted p value of each stratum, by name."""
        return "p values adjusted by Holm's method: " + ", ".join(
            f"{p:.2g} ({one.name})" for one, p in zip(self.strata, self.p, strict=True)
        )


def compared_each(strata: Sequence[Stratum], value: Value) -> Adjusted:
    """Compare the two sides of each stratum separately.

    Raises:
        NotYet: A stratum has no pair.
    """
    found = [compared([stratum], value) for stratum in strata]
    return Adjusted(strata, found, holm([one.mean.p if one.mean else 1.0 for one in found]))


def won_and_lost(strata: Sequence[Stratum], succeeds: Callable[[Record], bool]) -> tuple[int, int]:
    """Count the pairs in which only the left run succeeds, and those with only the right one."""
    outcomes = [(succeeds(left), succeeds(right)) for one in strata for left, right in one.pairs]
    return outcomes.count((True, False)), outcomes.count((False, True))


def side_by_side(
    strata: Sequence[Stratum],
    sides: tuple[str, str],
    write: Callable[[Iterable[float]], str],
    value: Value,
) -> str:
    """Format the range and the number of runs of every arm."""
    return "; ".join(
        f"{one.name}: {sides[0]} {write(map(value, one.left))} (n = {len(one.left)}), "
        f"{sides[1]} {write(map(value, one.right))} (n = {len(one.right)})"
        for one in strata
    )
