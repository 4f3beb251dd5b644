"""Studies of signals."""

from collections.abc import Callable, Mapping

from coordconv_lab.experiments.signal.recipes import TOLD, tuned
from coordconv_lab.experiments.signal.source import FOLDS
from coordconv_lab.studies.replication import replication
from coordconv_lab.studies.study import Study, over_rates, over_seeds

SEEDS = 5

ROWS = {"later": "signal-later", "still": "signal-still"}
"""The task by the first part of an arm's name."""

RATES = (3e-3, 1e-2, 3e-2)


def signal() -> Study:
    """Return the study of all tasks and kinds of coordinates, with each half of people held out."""
    arms = {
        f"{row}, {fold}, {model}": over_seeds(tuned(task, fold, model), SEEDS)
        for row, task in ROWS.items()
        for fold in FOLDS
        for model in TOLD
    }
    return Study("signal", "Does the time of day help to interpret wrist movement?", arms)


def again() -> Study:
    """Return the study `signal` with new seeds."""
    return replication(signal())


def tuning() -> Study:
    """Return the study of three learning rates with and without coordinates, on validation data."""
    arms = {
        f"{row}, {model}": over_rates(tuned(task, "first", model), RATES)
        for row, task in ROWS.items()
        for model in ("conv", "coordconv")
    }
    return Study("signal-tuning", "Which learning rate suits each network for signals?", arms)


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return {"signal": signal, "signal-again": again, "signal-tuning": tuning}
