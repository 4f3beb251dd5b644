"""Progress of a sweep."""

from collections.abc import Mapping
from typing import Protocol

from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Attempt, Progress


class SweepProgress(Protocol):
    """Callbacks for the progress of a sweep; the command line shows a bar."""

    def begin(self, to_do: int, total: int, at_once: int) -> None:
        """``to_do`` of ``total`` runs start, ``at_once`` of them at a time."""
        ...

    def ended(self, spec: ExperimentSpec, attempt: Attempt) -> None:
        """A run finished, failed, or is locked by another process."""
        ...

    def stopped(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        """A run was stopped early with these scores."""
        ...

    def of_run(self, number: int) -> Progress | None:
        """Return callbacks for the runs of a worker process on this machine, by its number.

        Runs that are trained in this process have the number 0.
        """
        ...
