"""Which run comes next: off a list, or proposed by a search that learns from those before."""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec


class Proposals(Protocol):
    """Runs to do, one at a time; both engines ask, and tell how each went."""

    def next(self) -> ExperimentSpec | None:
        """The next run to do, or None where there is no more."""
        ...

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        """Say how a run went: its main score on held-out examples, None where it failed."""
        ...


class Listed:
    """Runs off a list, in its order, each once.

    Args:
        specs: The runs to do.
    """

    def __init__(self, specs: Iterable[ExperimentSpec]) -> None:
        self._waiting = deque({spec.id: spec for spec in specs}.values())

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
