"""Trials: do coordinates help on the user's own model?"""

from coordconv_lab.trials.arms import Arm
from coordconv_lab.trials.functions import UserFunctions, load_functions
from coordconv_lab.trials.outcome import Outcome
from coordconv_lab.trials.run import trial

__all__ = ["Arm", "Outcome", "UserFunctions", "load_functions", "trial"]
