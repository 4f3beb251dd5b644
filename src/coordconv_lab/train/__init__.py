"""Training, which turns a spec into a record."""

from coordconv_lab.train.attempt import Attempt, attempt
from coordconv_lab.train.experiment import run, run_ensemble
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.progress import Progress, SilentProgress

__all__ = [
    "Attempt",
    "Hardware",
    "Progress",
    "SilentProgress",
    "attempt",
    "run",
    "run_ensemble",
]
