"""Telling whoever waits how far a run is."""

from collections.abc import Callable, Sequence
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.curve import Row


class Progress(Protocol):
    """Somebody who wants to know; the command line draws bars from it."""

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """A run of so many steps begins, of one net or of several trained together."""
        ...

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """So many steps are done; `loss` tells that of the last, and waits for the device."""
        ...

    def measured(self, rows: Sequence[Row]) -> None:
        """The nets were scored, for a row of each one's learning curve."""
        ...


class SilentProgress:
    """Nobody is waiting."""

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Say nothing."""

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Say nothing."""

    def measured(self, rows: Sequence[Row]) -> None:
        """Say nothing."""
