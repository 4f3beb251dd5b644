"""Callbacks for the progress of a sweep."""

from collections.abc import Mapping
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Attempt, Progress


class SweepProgress(Protocol):
    """Callbacks for the progress of a sweep; the command line shows a bar."""

    def begin(self, to_do: int, total: int, at_once: int) -> None:
        """Called before the first of ``to_do`` runs; at most ``at_once`` run in parallel."""
        ...

    def ended(self, spec: ExperimentSpec, attempt: Attempt) -> None:
        """Called after a run finished or failed, or if it is locked by another process."""
        ...

    def stopped(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        """Called after a run was stopped early, with its last scores."""
        ...

    def of_run(self, number: int) -> Progress | None:
        """Return callbacks for the runs of a worker process on this machine, by its number.

        Runs that are trained in this process have the number 0.
        """
        ...
