"""The laboratory from Python: start, load, show and compare runs.

Import these functions and classes from `coordconv_lab`.
"""

from coordconv_lab.interactive.claim_card import ClaimCard, claim
from coordconv_lab.interactive.drawing import Drawing, show_images
from coordconv_lab.interactive.finding_runs import load, runs
from coordconv_lab.interactive.run_list import RunList
from coordconv_lab.interactive.start_run import train
from coordconv_lab.interactive.trained_run import TrainedRun

__all__ = [
    "ClaimCard",
    "Drawing",
    "RunList",
    "TrainedRun",
    "claim",
    "load",
    "runs",
    "show_images",
    "train",
]
