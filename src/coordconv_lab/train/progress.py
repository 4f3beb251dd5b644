"""Progress of a run."""

from collections.abc import Callable, Sequence
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.curve import Row


class Progress(Protocol):
    """Callbacks for the progress of a run; the command line shows bars."""

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """A run with ``steps`` steps starts, of one or several networks trained together."""
        ...

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """``step`` steps are done; ``loss`` returns the last loss and synchronizes the device."""
        ...

    def measured(self, rows: Sequence[Row]) -> None:
        """The networks were scored; ``rows`` has a row of the learning curve of each."""
        ...


class SilentProgress:
    """Progress that is not shown."""

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Do nothing."""

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Do nothing."""

    def measured(self, rows: Sequence[Row]) -> None:
        """Do nothing."""
