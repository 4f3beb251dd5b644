"""Which run comes next: off a list, or proposed by a search that learns from those before."""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec


class Proposals(Protocol):
    """Runs to do, one at a time; both engines ask, and tell how each went."""

    total: int
    """How many runs there are in all, those done before among them."""

    def next(self) -> ExperimentSpec | None:
        """The next run to do, or None where there is no more."""
        ...

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        """Say how a run went: its main score on held-out examples, None where it failed."""
        ...


class Listed:
    """Runs off a list, in its order; those that are done are left out.

    Args:
        specs: All runs.
        done: The ids of those that have been done.
    """

    def __init__(self, specs: Iterable[ExperimentSpec], done: Iterable[str] = ()) -> None:
        every = {spec.id: spec for spec in specs}
        finished = set(done)
        self.total = len(every)
        self._waiting = deque(spec for id, spec in every.items() if id not in finished)

    def __len__(self) -> int:
        return len(self._waiting)

    def next(self) -> ExperimentSpec | None:
        """The next run of the list."""
        return self._waiting.popleft() if self._waiting else None

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        """Nothing follows from it."""


class InTurns:
    """Several sources, one run from each in turn, so that a sweep cut short still compares."""

    def __init__(self, sources: Iterable[Proposals]) -> None:
        sources = list(sources)
        self.total = sum(source.total for source in sources)
        self._turns = deque(sources)
        self._asked: dict[str, Proposals] = {}

    def next(self) -> ExperimentSpec | None:
        """The next run of the source whose turn it is."""
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
        """Tell the source that proposed the run."""
        self._asked[spec.id].tell(spec, score)
