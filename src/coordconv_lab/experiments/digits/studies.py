"""Studies of digits."""

from collections.abc import Callable, Mapping

from coordconv_lab.experiments.digits import optimizers
from coordconv_lab.experiments.digits.recipes import settings
from coordconv_lab.studies.replication import replication
from coordconv_lab.studies.study import Study, over_rates, over_seeds

SEEDS = 5

MODELS = ("conv", "coordconv", "shuffled")

ROWS = {
    "classification, uniform": ("digit-classification", "uniform", "relative"),
    "classification, quadrant": ("digit-classification", "quadrant", "relative"),
    "relative boxes": ("digit-boxes", "uniform", "relative"),
    "absolute boxes": ("digit-boxes", "uniform", "absolute"),
}
"""The task, split and kind of boxes by the first part of an arm's name."""

RATES = {
    "classification, uniform": (3e-3, 1e-2),
    "relative boxes": (1e-3, 3e-3),
    "absolute boxes": (1e-3, 3e-3),
}
"""The learning rates tried for each network of a row."""


def digits() -> Study:
    """Return the study of every task with each kind of coordinates, at the tuned learning rates."""
    arms = {
        f"{row}, {model}": over_seeds(settings(task, split, model, boxes=boxes), SEEDS)
        for row, (task, split, boxes) in ROWS.items()
        for model in MODELS
    }
    return Study(
        "digits",
        "Do coordinates help to classify scattered digits, or to predict their boxes?",
        arms,
    )


def again() -> Study:
    """Return the study `digits` with new seeds."""
    return replication(digits())


def tuning() -> Study:
    """Return the study of two learning rates for each network, on validation digits."""
    arms = {
        f"{row}, {model}": over_rates(settings(*ROWS[row][:2], model, boxes=ROWS[row][2]), rates)
        for row, rates in RATES.items()
        for model in ("conv", "coordconv")
    }
    return Study("digits-tuning", "Which learning rate suits each network for digits?", arms)


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return {
        "digits": digits,
        "digits-again": again,
        "digits-tuning": tuning,
        "digits-optimizers": optimizers.optimizers,
        "digits-optimizers-tuning": optimizers.tuning,
    }
