"""Train one run of many, and return whether it is finished, failed or locked elsewhere."""

from typing import NamedTuple

from coordconv_lab.errors import DamagedError, FailingRunError, LockedError
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
        damage: Message about an unusable file, or None. If set, the run was not started.
    """

    record: Record | None = None
    failure: str | None = None
    damage: str | None = None

    @property
    def held_elsewhere(self) -> bool:
        """Whether the run is locked by another process."""
        return self.record is None and self.failure is None and self.damage is None


def attempt(
    spec: ExperimentSpec,
    store: RunStore,
    progress: Progress | None = None,
    hardware: Hardware | None = None,
    scores_only: bool = False,
    wait_seconds: float = 0.0,
) -> Attempt:
    """Train a network unless the run is finished, has failed, or is locked by another process.

    A run that diverges, or whose canvas is too small for its network, is recorded as failed instead
    of raising an error; its last good checkpoint is kept. A run with a damaged file is left
    unchanged.

    Args:
        spec: The run.
        store: The store of the run.
        progress: Called after every step.
        hardware: Hardware for the run.
        scores_only: What to keep, as in `run`.
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
    except LockedError:
        return Attempt()
    except DamagedError as error:
        return Attempt(damage=str(error))
    except FailingRunError as error:
        store.give_up(spec, str(error))
        return Attempt(failure=str(error))
