"""Telling whoever waits how far a sweep is."""

from collections.abc import Mapping
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Attempt, Progress


class SweepProgress(Protocol):
    """Somebody who wants to know; the command line draws a bar from it."""

    def begin(self, to_do: int, total: int, at_once: int) -> None:
        """So many runs of so many are to be done, and so many of them at once."""
        ...

    def ended(self, spec: ExperimentSpec, attempt: Attempt) -> None:
        """A run is done, given up, or held by another process."""
        ...

    def stopped(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        """A run was stopped early, with these scores."""
        ...

    def of_run(self) -> Progress | None:
        """Who is told of the steps of a run; for runs one after another in this process."""
        ...
