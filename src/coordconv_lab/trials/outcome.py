"""The outcome of a trial: each arm compared with the model without coordinates."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from coordconv.conversion.report import Rows, as_table
from coordconv_lab.trials.ablation import ChangedScore, losses_of
from coordconv_lab.trials.arm_outcome import ArmOutcome
from coordconv_lab.trials.arms import PLAIN, SHUFFLED, Arm
from coordconv_lab.trials.costs import Costs, costs_of, ratios_of
from coordconv_lab.trials.error_maps import GainMap, gain_of
from coordconv_lab.trials.jobs import Failure
from coordconv_lab.trials.store import Finished
from coordconv_lab.trials.verdicts import Comparison, compared

__all__ = ["ArmOutcome", "BestArm", "Outcome", "comparisons_of", "outcome_of", "pairs_of"]


class BestArm(NamedTuple):
    """The arm with the largest mean gain, among arms with unshuffled coordinates.

    Attributes:
        arm: Name of the arm.
        losses: How much the score drops with each change of the coordinates.
        gain: The gain by position; None if there are no error maps.
    """

    arm: str
    losses: list[ChangedScore]
    gain: GainMap | None

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """The rows of the table of changes, without `LOSS_HEADER`."""
        return [
            (
                one.change,
                f"{one.score:.4g}",
                f"{one.loss:+.3g}",
                "" if one.interval is None else "{:+.3g} to {:+.3g}".format(*one.interval),
            )
            for one in self.losses
        ]


COSTS = ("parameters", "time", "memory")
HEADER = ("coordinates", "score", "seeds", "improvement", "interval", *COSTS)
LOSS_HEADER = ("changed after training", "score", "worse by", "95% interval")


class Outcome(Rows[ArmOutcome]):
    """The arms of a trial with their verdicts. ``print`` shows a table and the verdicts.

    Args:
        rows: The arms with coordinates.
        plain: Mean score without coordinates and number of seeds; None if no run has a score.
        costs: The costs without coordinates; None if there is no run.
        best: Details of the arm with the largest mean gain; None if the gain of no arm is known.
        warnings: Why coordinates were wrong in training, such as for mirrored images.
        failures: Runs of this call that ended with an error; they are not stored.
        min_difference: Smallest difference that matters.
        remark: Why the trial ended early, how many runs without coordinates failed, or "".
    """

    def __init__(
        self,
        rows: Sequence[ArmOutcome],
        plain: tuple[float, int] | None,
        min_difference: float,
        remark: str = "",
        *,
        costs: Costs | None = None,
        best: BestArm | None = None,
        warnings: Sequence[str] = (),
        failures: Sequence[Failure] = (),
    ) -> None:
        super().__init__(rows)
        self.plain = plain
        self.min_difference = min_difference
        self.remark = remark
        self.costs = costs
        self.best = best
        self.warnings = tuple(warnings)
        self.failures = tuple(failures)

    def __str__(self) -> str:
        lines = [*as_table(HEADER, self.cells()), "", *(f"- {w}" for w in self.words)]
        if self.best is not None and self.best.losses:
            lines += ["", f"Arm {self.best.arm}, scored again with changed coordinates:", ""]
            lines += as_table(LOSS_HEADER, self.best.cells)
        return "\n".join(lines)

    @property
    def words(self) -> list[str]:
        """The warnings, one verdict for each arm, and how the verdicts were found."""
        found = [*self.warnings, *(row.words for row in self)]
        if self.best is not None and self.best.gain is not None:
            found.append(f"{self.best.arm}: {self.best.gain.words}")
        return [*found, self.method, self.remark] if self.remark else [*found, self.method]

    @property
    def method(self) -> str:
        """How the verdicts were found."""
        text = (
            "The intervals are of paired differences. They are corrected for the number of "
            "comparisons, and for looking at the results repeatedly (after 5, 10, 20, ... seeds): "
            "if no arm makes a difference, at most 5% of trials report a difference."
        )
        if self.best is not None and self.best.losses:
            text += " The intervals in the table of changed coordinates are not corrected."
        if self.min_difference:
            text += f" Differences up to {self.min_difference:g} do not matter."
        return text

    def cells(self) -> list[tuple[str, ...]]:
        """The rows of the table, without `HEADER`."""
        score = "" if self.plain is None else f"{self.plain[0]:.4g}"
        seeds = "" if self.plain is None else str(self.plain[1])
        costs = ("", "", "") if self.costs is None else self.costs.cells
        return [(PLAIN, score, seeds, "", "", *costs), *(row.cells for row in self)]


def pairs_of(arms: Sequence[Arm]) -> list[tuple[str, str]]:
    """Return the pairs of arms to compare, by name.

    Each arm is compared with the model without coordinates, and with the arm that has shuffled
    coordinates in the same layers, if there is one.
    """
    names = [arm.name for arm in arms]
    found = [(name, PLAIN) for name in names if name != PLAIN]
    found += [(name, f"{SHUFFLED}:{name}") for name in names if f"{SHUFFLED}:{name}" in names]
    return found


def comparisons_of(names: Sequence[str]) -> int:
    """Return the number of comparisons of a trial with these arms.

    Each arm is compared with the model without coordinates. An arm with true coordinates is also
    compared with its own score at the mean position, and with the arm that has shuffled coordinates
    in the same layers, if the trial has such an arm.
    """
    others = [name for name in names if name != PLAIN]
    true = [name for name in others if not name.startswith(f"{SHUFFLED}:")]
    return len(others) + len(true) + sum(f"{SHUFFLED}:{name}" in others for name in true)


def outcome_of(
    arms: Sequence[Arm],
    runs: Mapping[str, Mapping[int, Finished]],
    *,
    comparisons: int,
    min_difference: float,
    higher_is_better: bool,
    notes: Mapping[str, str],
    remark: str = "",
    failures: Sequence[Failure] = (),
) -> Outcome:
    """Compare the runs of a trial.

    Args:
        arms: All arms, the model without coordinates first.
        runs: Finished runs, by arm and seed.
        comparisons: Number of comparisons, including those of arms from earlier calls.
        min_difference: Smallest difference that matters.
        higher_is_better: Whether larger scores are better.
        notes: Why an arm was not run, by the name of the arm.
        remark: Why the trial ended early, or "".
        failures: Runs that ended with an error.
    """
    sign = 1 if higher_is_better else -1
    pairs = pairs_of(arms)

    def judged(scores: Mapping[int, tuple[float | None, float | None]]) -> Comparison | None:
        found = {
            seed: None if ours is None or other is None else sign * (ours - other)
            for seed, (ours, other) in scores.items()
        }
        if all(one is None for one in found.values()):
            return None
        return compared(found, comparisons, min_difference)

    def between(name: str, other: str) -> Comparison | None:
        ours, theirs = runs.get(name, {}), runs.get(other, {})
        both = set(ours) & set(theirs)
        return judged({seed: (ours[seed].score, theirs[seed].score) for seed in both})

    def of_position(name: str) -> Comparison | None:
        ours = runs.get(name, {})
        return judged({seed: (run.score, run.without_position) for seed, run in ours.items()})

    rows = []
    for arm in arms[1:]:
        twin = f"{SHUFFLED}:{arm.name}"
        null = between(twin, PLAIN) if (arm.name, twin) in pairs else None
        rows.append(
            ArmOutcome(
                arm.name,
                _mean(runs.get(arm.name, {})),
                between(arm.name, PLAIN),
                between(arm.name, twin) if (arm.name, twin) in pairs else None,
                None if arm.is_shuffled else of_position(arm.name),
                _failed(runs, arm.name),
                ratios_of(runs.get(arm.name, {}), runs.get(PLAIN, {})),
                notes.get(arm.name, ""),
                null is not None and null.verdict == "hurts",
            )
        )
    if failed := _failed(runs, PLAIN):
        count = "1 run" if failed == 1 else f"{failed} runs"
        has = "has" if failed == 1 else "have"
        remark = f"{count} without coordinates {has} no score. {remark}".strip()
    if failures:
        remark = f"{_failures_in_words(failures)} {remark}".strip()
    plain = runs.get(PLAIN, {})
    return Outcome(
        rows,
        _mean(plain),
        min_difference,
        remark,
        costs=costs_of(plain),
        best=_best(rows, runs, sign),
        warnings=_warnings(arms, runs),
        failures=failures,
    )


def _best(
    rows: Sequence[ArmOutcome], runs: Mapping[str, Mapping[int, Finished]], sign: int
) -> BestArm | None:
    """Return the details of the arm with the largest gain over the model without coordinates."""
    shown = [
        (row.against_plain.mean, row.arm)
        for row in rows
        if row.against_plain is not None and not row.is_shuffled
    ]
    if not shown:
        return None
    name = max(shown, key=lambda one: one[0])[1]
    ours, plain = runs.get(name, {}), runs.get(PLAIN, {})
    return BestArm(name, losses_of(ours, sign), gain_of(name, ours, plain))


def _warnings(arms: Sequence[Arm], runs: Mapping[str, Mapping[int, Finished]]) -> list[str]:
    """Return only the first warning, because warnings of other runs differ only in numbers."""
    found = (run.warning for arm in arms for run in runs.get(arm.name, {}).values())
    return [one for one in found if one][:1]


def _failures_in_words(failures: Sequence[Failure]) -> str:
    """Describe which runs failed, and that their arms stopped."""
    by_error: dict[str, list[str]] = {}
    for one in failures:
        by_error.setdefault(one.error, []).append(f"{one.arm}, seed {one.seed}")
    said = "; ".join(f"{error} ({'; '.join(names)})" for error, names in by_error.items())
    count = "1 run ended" if len(failures) == 1 else f"{len(failures)} runs ended"
    return (
        f"{count} with an error: {said}. Their arms stopped at the next check of the verdicts. To "
        "repeat the failed runs, use the same command."
    )


def _failed(runs: Mapping[str, Mapping[int, Finished]], name: str) -> int:
    return sum(run.score is None for run in runs.get(name, {}).values())


def _mean(runs: Mapping[int, Finished]) -> tuple[float, int] | None:
    scores = [run.score for run in runs.values() if run.score is not None]
    return (fmean(scores), len(scores)) if scores else None
