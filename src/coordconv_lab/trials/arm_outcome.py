"""One arm of a trial: a model with coordinates, compared with the model without coordinates."""

from typing import NamedTuple

from coordconv_lab.trials.arms import SHUFFLED
from coordconv_lab.trials.costs import Ratios
from coordconv_lab.trials.verdicts import Comparison

__all__ = ["ArmOutcome"]


class ArmOutcome(NamedTuple):
    """One arm with coordinates.

    Attributes:
        arm: Name of the arm.
        scores: Mean score and number of seeds.
        against_plain: Comparison with the model without coordinates, seed by seed; None if there
            is no seed with which both this arm and the model without coordinates were scored.
        against_shuffled: Comparison with the arm that has shuffled coordinates in the same layers;
            None if the trial has no such arm, or if there is no seed with which both arms were
            scored.
        position: Comparison of the scores of the trained networks with their scores when every
            pixel is given the mean position; None if this arm's coordinates are shuffled.
        failed: Number of runs without a score.
        costs: Costs of the arm relative to the model without coordinates.
        note: Why the arm was not run, or "".
        shuffled_hurts: Whether the arm with shuffled coordinates scores worse than the model
            without coordinates.
    """

    arm: str
    scores: tuple[float, int] | None
    against_plain: Comparison | None
    against_shuffled: Comparison | None
    position: Comparison | None
    failed: int
    costs: Ratios
    note: str = ""
    shuffled_hurts: bool = False

    @property
    def is_shuffled(self) -> bool:
        """Whether the coordinates of the arm are shuffled."""
        return self.arm.startswith(f"{SHUFFLED}:")

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the arm in the table."""
        if self.scores is None or self.against_plain is None:
            return (self.arm, *[""] * 7)
        found = self.against_plain
        ends = "" if found.interval is None else "{:+.3g} to {:+.3g}".format(*found.interval)
        score, seeds = f"{self.scores[0]:.4g}", str(self.scores[1])
        return (self.arm, score, seeds, f"{found.mean:+.3g}", ends, *self.costs.cells)

    @property
    def headline(self) -> str:
        """The name of the arm and its verdict. `words` starts with the same text."""
        if self.against_plain is None:
            return f"{self.arm}:"
        return f"{self.arm}: {_VERDICTS[self.against_plain.verdict]}"

    @property
    def words(self) -> str:
        """The verdict, with the numbers that it is based on, in full sentences."""
        if self.against_plain is None:
            return f"{self.headline} {self.note or 'no run has a score.'}"
        found = self.against_plain
        text = f"{self.headline} ({_difference(found)})."
        if len(found.differences) > 1 and len(set(found.differences)) == 1:
            text += (
                " All seeds give the same difference, possibly because `make` or `train` sets a "
                "fixed random seed."
            )
        elif found.more_seeds and not self.is_shuffled:
            seeds = "1 more seed" if found.more_seeds == 1 else f"{found.more_seeds} more seeds"
            text += f" With this mean and spread, about {seeds} would give a verdict."
        if self.against_shuffled is not None and found.verdict == "helps":
            text += f" {_SHUFFLED[self.against_shuffled.verdict]}"
            if self.shuffled_hurts:
                text += (
                    " (Note: the score is worse with shuffled coordinates than without "
                    "coordinates, so shuffled coordinates also do harm.)"
                )
        if self.position is not None:
            text += f" {_POSITION[self.position.verdict]}"
        if self.costs.words and not self.is_shuffled:
            text += f" {self.costs.words}"
        if self.failed:
            count = "1 run has" if self.failed == 1 else f"{self.failed} runs have"
            text += f" Only runs with a score are compared; {count} no score."
        return text


_VERDICTS = {
    "helps": "coordinates help",
    "hurts": "coordinates hurt",
    "no difference": "no difference that matters",
    "undecided": "undecided",
}
_SHUFFLED = {
    "helps": "Shuffled coordinates help less, so the gain comes from position.",
    "hurts": "Shuffled coordinates help more, so the gain does not come from position.",
    "no difference": "Shuffled coordinates help as much, so the gain does not come from position.",
    "undecided": "Whether shuffled coordinates help as much is undecided.",
}
_POSITION = {
    "helps": "The trained networks rely on position: they score worse when every pixel is given "
    "the mean position.",
    "hurts": "The trained networks score better when every pixel is given the mean position.",
    "no difference": "The trained networks do not rely on position: they score the same when every "
    "pixel is given the mean position.",
    "undecided": "Whether the trained networks rely on position is undecided.",
}


def _difference(found: Comparison) -> str:
    """Format a difference, with its interval or its values."""
    text = f"mean improvement {found.mean:+.3g}"
    if found.interval is None:
        return f"{text}: {', '.join(f'{one:+.3g}' for one in found.differences)}"
    return text + ", interval {:+.3g} to {:+.3g}".format(*found.interval)
