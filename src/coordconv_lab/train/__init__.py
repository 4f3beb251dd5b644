"""Training, which turns a spec (the description of a run) into a record (its scores and costs)."""

from coordconv_lab.train.attempt import Attempt, attempt, attempt_after
from coordconv_lab.train.experiment import run, run_ensemble
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.progress import Progress, SilentProgress

__all__ = [
    "Attempt",
    "Hardware",
    "Progress",
    "SilentProgress",
    "attempt",
    "attempt_after",
    "run",
    "run_ensemble",
]
