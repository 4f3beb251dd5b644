"""Studies of the signal."""

from collections.abc import Callable, Mapping

from coordconv_lab.experiments.signal.recipes import TOLD, tuned
from coordconv_lab.experiments.signal.source import FOLDS
from coordconv_lab.studies.replication import replication
from coordconv_lab.studies.study import Study, over_rates, over_seeds

SEEDS = 5

ROWS = {"later": "signal-later", "still": "signal-still"}
"""The task by the beginning of the name of an arm."""

RATES = (3e-3, 1e-2, 3e-2)


def signal() -> Study:
    """Return both tasks with each kind of coordinates, for every pair of held-out people."""
    arms = {
        f"{row}, {fold}, {model}": over_seeds(tuned(task, fold, model), SEEDS)
        for row, task in ROWS.items()
        for fold in FOLDS
        for model in TOLD
    }
    return Study("signal", "Does the time of the day help to read the movements of a wrist?", arms)


def again() -> Study:
    """Return the study `signal` with new seeds."""
    return replication(signal())


def tuning() -> Study:
    """Return three learning rates with and without coordinates, on the people of training."""
    arms = {
        f"{row}, {model}": over_rates(tuned(task, "first", model), RATES)
        for row, task in ROWS.items()
        for model in ("conv", "coordconv")
    }
    return Study("signal-tuning", "Which learning rate does each network of signal need?", arms)


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return {"signal": signal, "signal-again": again, "signal-tuning": tuning}
