"""Trials: do coordinates help on a model of the user's own?"""

from coordconv_lab.trials.arms import Arm
from coordconv_lab.trials.functions import UserFunctions, load_functions
from coordconv_lab.trials.outcome import Outcome
from coordconv_lab.trials.run import trial

__all__ = ["Arm", "Outcome", "UserFunctions", "load_functions", "trial"]
