"""Callbacks for the progress of a run."""

from collections.abc import Callable, Sequence
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.curve import Row


class Progress(Protocol):
    """Callbacks for the progress of a run; the command line shows bars."""

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Called before the first step of one or several runs, which have ``steps`` steps."""
        ...

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Called after each step. ``loss`` returns the last loss and synchronizes the device."""
        ...

    def measured(self, rows: Sequence[Row]) -> None:
        """Called after scoring, with the new row of the learning curve of each network."""
        ...


class SilentProgress:
    """Callbacks that do nothing."""

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Do nothing."""

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Do nothing."""

    def measured(self, rows: Sequence[Row]) -> None:
        """Do nothing."""
