"""Studies of brains."""

from collections.abc import Callable, Mapping

from coordconv_lab.experiments.brains.recipes import settings
from coordconv_lab.experiments.brains.source import FOLDS
from coordconv_lab.studies.replication import replication
from coordconv_lab.studies.study import Study, over_rates, over_seeds

SEEDS = 5

ARMS = {
    "conv": ("conv", "no"),
    "patch": ("patch", "no"),
    "coordconv": ("coordconv", "no"),
    "mirrored, carried": ("coordconv", "carried"),
    "mirrored, stale": ("coordconv", "stale"),
    "shuffled": ("shuffled", "no"),
}
"""The network and the mirroring, by the last part of an arm's name."""

RATES = (3e-3, 1e-2, 3e-2)


def brains() -> Study:
    """Return the study of each kind of coordinates, with each pair of held-out people."""
    arms = {
        f"{fold}, {arm}": over_seeds(settings(fold, model, mirror=mirror), SEEDS)
        for fold in FOLDS
        for arm, (model, mirror) in ARMS.items()
    }
    return Study(
        "brains",
        "Do coordinates in millimeters help to predict the side and the region of a patch?",
        arms,
    )


def again() -> Study:
    """Return the study `brains` with new seeds."""
    return replication(brains())


def tuning() -> Study:
    """Return the study that compares three learning rates, with and without coordinates.

    The scores are those on people who are held out of the training set for validation.
    """
    arms = {model: over_rates(settings("first", model), RATES) for model in ("conv", "coordconv")}
    return Study("brains-tuning", "Which learning rate suits each network for brains?", arms)


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return {"brains": brains, "brains-again": again, "brains-tuning": tuning}
