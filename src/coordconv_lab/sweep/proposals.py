"""Sources of runs: fixed lists, and searches that learn from earlier runs."""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec


class Proposals(Protocol):
    """A source that returns one run at a time. Engines report the result of each run to it."""

    def next(self) -> ExperimentSpec | None:
        """Return the next run, or None if there are no more."""
        ...

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        """Report the main test score of a run, or None if it failed."""
        ...


class Listed:
    """A fixed list of runs, in order and without duplicates.

    Args:
        specs: The specs of the runs.
    """

    def __init__(self, specs: Iterable[ExperimentSpec]) -> None:
        self._waiting = deque({spec.id: spec for spec in specs}.values())

    def __len__(self) -> int:
        return len(self._waiting)

    def next(self) -> ExperimentSpec | None:
        """Return the next run of the list."""
        return self._waiting.popleft() if self._waiting else None

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        """Ignore the result."""


class InTurns:
    """Takes one run from each source in turn.

    If each source is a row, rows can be compared even if the sweep is interrupted.
    """

    def __init__(self, sources: Iterable[Proposals]) -> None:
        self._turns = deque(sources)
        self._asked: dict[str, Proposals] = {}

    def next(self) -> ExperimentSpec | None:
        """Return the next run from the next source in turn."""
        while self._turns:
            spec = self._turns[0].next()
            if spec is None:
                self._turns.popleft()
                continue
            self._asked[spec.id] = self._turns[0]
            self._turns.rotate(-1)
            return spec
        return None

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        """Report the result to the source that proposed the run."""
        self._asked[spec.id].tell(spec, score)
