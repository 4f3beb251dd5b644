"""When a run solves its task, and how many settings at random it takes until one does."""

from collections.abc import Mapping
from math import comb
from typing import NamedTuple

from coordconv_lab.claims.statistics import fraction_interval
from coordconv_lab.results import Record

SOLVED: Mapping[str, float] = {
    "classification": 1.0,
    "regression": 1.0,
    "rendering": 0.99,
    "reconstruction": 0.99,
}
"""The main score from which a task is solved: every point right, or a mean IoU of 0.99.

One wrong pixel costs a square of 9 x 9 an IoU of 0.012, so that 0.99 is less than one wrong pixel
an image."""


def solves(record: Record) -> bool:
    """Whether a run solves its task, on training and on held-out examples."""
    return min(record.train_score, record.test_score) >= SOLVED[record.spec.task]


class Tries(NamedTuple):
    """Settings that were tried once each.

    Attributes:
        solved: How many solved their task.
        n: How many there were.
    """

    solved: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the share of all settings that solve it."""
        return fraction_interval(self.solved, self.n) if self.n else (0.0, 1.0)

    def within(self, tries: int) -> float:
        """How often the best of so many of these settings, drawn at random, solves the task.

        Raises:
            ValueError: There are not so many.

        Example:
            >>> Tries(solved=1, n=4).within(2)
            0.5
        """
        if not 0 <= tries <= self.n:
            raise ValueError(f"expected 0 to {self.n} tries, got {tries}")
        return 1 - comb(self.n - self.solved, tries) / comb(self.n, tries)

    def interval_within(self, tries: int) -> tuple[float, float]:
        """The interval of `within` for settings drawn from the whole space."""
        low, high = self.interval
        return 1 - (1 - low) ** tries, 1 - (1 - high) ** tries
