"""The runs that an engine has to do for a trial, and their failures."""

import traceback
from typing import NamedTuple

from coordconv_lab.errors import in_short
from coordconv_lab.trials.arms import Arm

__all__ = ["Failure", "Job", "failure_of"]


class Job(NamedTuple):
    """A run to do.

    Attributes:
        arm: The arm.
        seed: The seed.
        weights: Digest of the initial weights of the other arms with this seed; None if no other
            arm has been run yet.
    """

    arm: Arm
    seed: int
    weights: str | None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"{self.arm.name}, seed {self.seed}"


class Failure(NamedTuple):
    """A run that ended with an error, and is not kept.

    Attributes:
        arm: Name of its arm.
        seed: Its seed.
        error: The error in a line.
        traceback: Its traceback; "" if there is none.
    """

    arm: str
    seed: int
    error: str
    traceback: str


def failure_of(job: Job, error: BaseException) -> Failure:
    """Return the failure of a run that raised an error."""
    said = " ".join(str(error).split())
    line = in_short(error) if not said else f"{type(error).__name__}: {said}"
    text = "".join(traceback.format_exception(error))
    return Failure(job.arm.name, job.seed, line, text)
