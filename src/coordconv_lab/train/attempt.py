"""One run of many: done, given up, or left to whoever holds it."""

from typing import NamedTuple

from coordconv_lab.errors import DamagedError, FailingRunError, HeldError
from coordconv_lab.results import Record, RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.experiment import run
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.progress import Progress


class Attempt(NamedTuple):
    """What became of a run.

    Attributes:
        record: Its record, or None where it has none.
        failure: Why it was given up, or None.
        damage: Which file of it cannot be used, in words, or None; nothing was done then.
    """

    record: Record | None = None
    failure: str | None = None
    damage: str | None = None

    @property
    def held_elsewhere(self) -> bool:
        """Whether another process is at it."""
        return self.record is None and self.failure is None and self.damage is None


def attempt(
    spec: ExperimentSpec,
    store: RunStore,
    progress: Progress | None = None,
    hardware: Hardware | None = None,
    scores_only: bool = False,
    wait_seconds: float = 0.0,
) -> Attempt:
    """Train a net unless that was done, was given up, or is being done by another process.

    A run that diverges, or whose canvas is too small for its net, is written down as given up, and
    is no error; its last good checkpoint stays. Nor is one with a damaged file, which is left as it
    is.

    Args:
        spec: What to run.
        store: Where.
        progress: Told of every step.
        hardware: Where to compute it.
        scores_only: What to keep, as in `run`.
        wait_seconds: How long to wait for another process to let go of the run.

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
    except HeldError:
        return Attempt()
    except DamagedError as error:
        return Attempt(damage=str(error))
    except FailingRunError as error:
        store.give_up(spec, str(error))
        return Attempt(failure=str(error))
