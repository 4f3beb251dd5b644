"""Train one run of many. Return its record, or why there is none, instead of raising an error."""

from typing import NamedTuple

from coordconv_lab.errors import (
    DamagedError,
    FailingRunError,
    InputError,
    LockedError,
    LostRunError,
)
from coordconv_lab.results import Record, RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.experiment import run
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.progress import Progress


class Attempt(NamedTuple):
    """The outcome of an attempt to train a run.

    Attributes:
        record: The record, or None if the run is not finished.
        failure: Why the run failed, or None.
        damage: A message about an unusable file, or None. If there is a message, the run was not
            started.
        loss: A message about a worker process that ended before its run, or None.
    """

    record: Record | None = None
    failure: str | None = None
    damage: str | None = None
    loss: str | None = None

    @property
    def held_elsewhere(self) -> bool:
        """Whether the run is locked by another process."""
        return self == Attempt()

    @property
    def trouble(self) -> list[str]:
        """Messages about unusable files and lost worker processes, to repeat after all runs."""
        return [message for message in (self.damage, self.loss) if message]


def attempt(
    spec: ExperimentSpec,
    store: RunStore,
    progress: Progress | None = None,
    hardware: Hardware | None = None,
    scores_only: bool = False,
    wait_seconds: float = 0.0,
) -> Attempt:
    """Train a network unless the run is finished, has failed, or is locked by another process.

    If a run diverges, or if the images are too small for the network, no error is raised. Instead,
    the run is recorded as failed, and its last good checkpoint is kept. A run with a damaged file
    is left unchanged.

    Args:
        spec: The spec of the run.
        store: The store of the run.
        progress: Called after every step.
        hardware: Hardware for the run.
        scores_only: Whether to keep only the record and the learning curve, as in `run`.
        wait_seconds: How long to wait for another process to release the run.

    Raises:
        InputError: A directory cannot be used.
    """
    try:
        failure = store.failure(spec)
        if failure is not None:
            return Attempt(store.record(spec), failure)
        return Attempt(
            run(
                spec,
                store,
                progress,
                hardware=hardware,
                scores_only=scores_only,
                wait_seconds=wait_seconds,
            )
        )
    except InputError as error:
        return attempt_after(error, spec, store)


def attempt_after(error: InputError, spec: ExperimentSpec, store: RunStore) -> Attempt:
    """Return the outcome of a run that raised an error. If the run failed, also record that.

    Raises:
        InputError: The error would also occur in other runs.
    """
    if isinstance(error, LockedError):
        return Attempt()
    if isinstance(error, DamagedError):
        return Attempt(damage=str(error))
    if isinstance(error, LostRunError):
        return Attempt(loss=str(error))
    if isinstance(error, FailingRunError):
        store.give_up(spec, str(error))
        return Attempt(failure=str(error))
    raise error
