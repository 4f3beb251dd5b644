"""Test whether coordinates help a network, over seeds or over units such as people.

The rule for the verdict was written before the runs: see docs/where-it-helps.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, NamedTuple

from coordconv_lab.claims.claim import Finding, Verdict
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.statistics import FEW, PairedMean, paired_mean
from coordconv_lab.results.record import Record

MARGIN = 0.02
"""The smallest difference that matters: two percentage points of the main score."""

WITH_AND_WITHOUT = ("with coordinates", "without coordinates")
MEAN_POSITION = "_mean_position"
"""Suffix of the names of scores with the mean position everywhere."""

Direction = Literal["helps", "no difference", "hurts", "undecided"]


def direction(interval: tuple[float, float] | None) -> Direction:
    """Judge the interval of a difference.

    The verdict is "no difference" if the interval is between plus and minus the margin; otherwise
    "helps" if the interval is above zero, "hurts" if it is below zero, and else "undecided".

    Example:
        >>> direction((0.001, 0.01)), direction((0.001, 0.03)), direction((-0.001, 0.03))
        ('no difference', 'helps', 'undecided')
    """
    if interval is None:
        return "undecided"
    low, high = interval
    if low >= -MARGIN and high <= MARGIN:
        return "no difference"
    return "helps" if low > 0 else "hurts" if high < 0 else "undecided"


def judged(found: Direction, claimed: Sequence[Direction]) -> Verdict:
    """Compare the direction that was found with the directions that a claim allows."""
    if found in claimed:
        return "reproduced"
    return "undecided" if found == "undecided" else "not reproduced"


@dataclass(frozen=True, kw_only=True)
class Question:
    """The question whether coordinates help on a task.

    Attributes:
        title: The task and the coordinates, in words.
        score: Main score of the task, as in the records.
        quantity: The main score in words; by default its name.
        unit: The samples for the interval: "seeds", or units of the records, such as "people".
        study: The study with the runs.
        plain: Arms without coordinates.
        told: Arms with coordinates, in the same order.
        null: Arms with coordinates that contain no information about position.
        sides: Descriptions of the runs of `told` and `plain`.
        outcome: The direction that the committed runs show; None if there are no runs yet.
    """

    title: str
    score: str
    unit: str
    study: str
    plain: tuple[str, ...]
    told: tuple[str, ...]
    null: tuple[str, ...] = ()
    quantity: str = ""
    sides: tuple[str, str] = WITH_AND_WITHOUT
    outcome: Direction | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """The names of all arms to compare."""
        return (*self.plain, *self.told, *self.null)


class Difference(NamedTuple):
    """Differences between two sides, one for every seed or unit that both have.

    Attributes:
        by_key: The differences by seed, or by name of the unit.
        mean: The mean difference with a t test; None if there are too few differences.
    """

    by_key: dict[str, float]
    mean: PairedMean | None

    @property
    def effect(self) -> float:
        """The mean difference."""
        return fmean(self.by_key.values())

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the mean difference; None for fewer than five seeds or units."""
        return None if self.mean is None or len(self.by_key) < FEW else self.mean.interval

    @property
    def direction(self) -> Direction:
        """The direction of the interval."""
        return direction(self.interval)


class Usefulness(NamedTuple):
    """The answer to a `Question`.

    Attributes:
        question: The question.
        values: Scores by side of the comparison ("plain", "told", "null") and by seed or unit.
        gain: Told minus plain.
        used: Told minus the same networks with the mean position everywhere; None if their records
            do not have this score.
        null: Null minus plain; None if there are no null arms.
        informed: Told minus null; None if there are no null arms.
        cost: Training time of the networks with coordinates, relative to that of plain networks.
    """

    question: Question
    values: dict[str, dict[str, float]]
    gain: Difference
    used: Difference | None
    null: Difference | None
    informed: Difference | None
    cost: float

    def finding(self, verdict: Verdict) -> Finding:
        """Return the gain as a finding, with the scores of all sides in its condition."""
        question, few = self.question, len(self.gain.by_key) < FEW
        told, plain = question.sides
        names = {
            "plain": plain,
            "told": told,
            "mean position": "with the mean position everywhere",
            "null": "with uninformative coordinates",
        }
        sides = "; ".join(f"{names[name]} {_range(found)}" for name, found in self.values.items())
        if self.informed is not None:
            sides += f"; with coordinates minus with uninformative ones {signed(self.informed)}"
        return Finding(
            verdict,
            len(self.gain.by_key),
            f"{question.quantity or question.score} {told} minus {plain}, averaged over "
            f"{question.unit} ({question.title})",
            self.gain.effect,
            self.gain.interval,
            f"{self.gain.direction}; {sides}",
            tuple(self.gain.by_key.values()) if few else (),
        )


def signed(found: Difference) -> str:
    """Format a difference with its interval, as in "+0.349 (+0.334 to +0.365)"."""
    if found.interval is None:
        return f"{found.effect:+.3f}"
    return "{:+.3f} ({:+.3f} to {:+.3f})".format(found.effect, *found.interval)


def _range(values: dict[str, float]) -> str:
    found = values.values()
    return f"{fmean(found):.4f} ({min(found):.3f} to {max(found):.3f}, n = {len(found)})"


def usefulness(evidence: Evidence, question: Question) -> Usefulness:
    """Answer a question from the records of its study.

    Raises:
        NotYet: Runs are missing, or the sides share no seed or unit.
    """
    return usefulness_of(question, lambda arm: evidence.runs(question.study, arm))


def usefulness_of(question: Question, runs: Callable[[str], Sequence[Record]]) -> Usefulness:
    """Answer a question from the records of its arms.

    Args:
        question: The question.
        runs: Returns the records of an arm by its name.

    Raises:
        NotYet: The sides share no seed or unit.
    """
    plain, told, null = (
        [record for arm in arms for record in runs(arm)]
        for arms in (question.plain, question.told, question.null)
    )
    score, unit = question.score, question.unit
    values = {"plain": _values(plain, score, unit), "told": _values(told, score, unit)}
    ablated = f"{score}{MEAN_POSITION}"
    if all(ablated in record.scores["test"] for record in told):
        values["mean position"] = _values(told, ablated, unit)
    if null:
        values["null"] = _values(null, score, unit)

    def minus(left: str, right: str) -> Difference | None:
        both = left in values and right in values
        return difference(values[left], values[right]) if both else None

    return Usefulness(
        question,
        values,
        difference(values["told"], values["plain"]),
        minus("told", "mean position"),
        minus("null", "plain"),
        minus("told", "null"),
        fmean(run.seconds for run in told) / fmean(run.seconds for run in plain),
    )


def _values(records: Sequence[Record], score: str, unit: str) -> dict[str, float]:
    """Return the test scores by seed, or by unit, averaged over the runs that have the unit."""
    found: dict[str, list[float]] = {}
    for record in records:
        seed = {str(record.spec.seed): record.scores["test"]}
        for name, scores in (seed if unit == "seeds" else record.units).items():
            found.setdefault(name, []).append(scores[score])
    return {name: fmean(values) for name, values in found.items()}


def difference(left: dict[str, float], right: dict[str, float]) -> Difference:
    """Subtract right from left, for each seed or unit that both have.

    Raises:
        NotYet: The two sides have no seed or unit in common.
    """
    by_key = {name: left[name] - right[name] for name in left if name in right}
    if not by_key:
        raise NotYet("the two sides have no seed or unit in common")
    return Difference(by_key, paired_mean([list(by_key.values())]))
