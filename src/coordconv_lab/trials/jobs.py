"""The runs that an engine executes for a trial, and their failures."""

import traceback
from typing import NamedTuple

from coordconv_lab.errors import in_short
from coordconv_lab.trials.arms import Arm

__all__ = ["Failure", "Job", "failure_of"]


class Job(NamedTuple):
    """A run to execute.

    Attributes:
        arm: The arm.
        seed: The seed.
        weights: Digest of the initial weights that other arms had with this seed; None if no other
            arm has a run with this seed yet.
    """

    arm: Arm
    seed: int
    weights: str | None

    @property
    def name(self) -> str:
        """The name of the run in messages."""
        return f"{self.arm.name}, seed {self.seed}"


class Failure(NamedTuple):
    """A run that ended with an error and is not stored.

    Attributes:
        arm: Name of the arm.
        seed: The seed.
        error: The error in one line.
        traceback: The traceback, or "".
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
