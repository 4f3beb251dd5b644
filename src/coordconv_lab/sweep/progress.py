"""Callbacks for the progress of a sweep."""

from collections.abc import Mapping
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Attempt, Progress


class SweepProgress(Protocol):
    """Callbacks for the progress of a sweep; the command line shows a bar."""

    def begin(self, to_do: int, total: int, at_once: int) -> None:
        """Called before the first run.

        Args:
            to_do: Number of runs that remain to be trained.
            total: Number of all runs.
            at_once: Maximum number of parallel runs.
        """
        ...

    def ended(self, spec: ExperimentSpec, attempt: Attempt) -> None:
        """Called after a run finished or failed, or if it is locked by another process."""
        ...

    def stopped(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        """Called after a run was stopped early, with its last scores."""
        ...

    def of_run(self, number: int) -> Progress | None:
        """Return callbacks for the runs of the worker process with this number on this machine.

        If runs are trained in this process, it has the number 0.
        """
        ...
