"""Whether a run solves its task, and how often at least one of several settings solves it."""

from math import comb
from typing import NamedTuple

from coordconv_lab.claims.statistics import fraction_interval
from coordconv_lab.registry import registry
from coordconv_lab.results import Record


def solves(record: Record) -> bool:
    """Whether a run solves its task on both training and held-out examples."""
    bar = registry().task(record.spec.task).solved
    return min(record.train_score, record.test_score) >= bar


class Tries(NamedTuple):
    """The outcome of several settings, each of which was tried once.

    Attributes:
        solved: Number of settings that solved their task.
        n: Number of settings.
    """

    solved: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the fraction of settings that solve the task."""
        return fraction_interval(self.solved, self.n) if self.n else (0.0, 1.0)

    def within(self, tries: int) -> float:
        """Return how often at least one of `tries` random settings solves the task.

        Raises:
            ValueError: There are fewer settings than tries.

        Example:
            >>> Tries(solved=1, n=4).within(2)
            0.5
        """
        if not 0 <= tries <= self.n:
            raise ValueError(f"expected 0 to {self.n} tries, got {tries}")
        return 1 - comb(self.n - self.solved, tries) / comb(self.n, tries)

    def interval_within(self, tries: int) -> tuple[float, float]:
        """Return the interval of `within` for settings drawn from the search space."""
        low, high = self.interval
        return 1 - (1 - low) ** tries, 1 - (1 - high) ** tries
