"""Studies of volumes."""

from collections.abc import Callable, Mapping

from coordconv_lab.experiments.volume.recipes import tuned
from coordconv_lab.studies.replication import replication
from coordconv_lab.studies.study import Study, over_rates, over_seeds

SEEDS = 5

ROWS = {
    "side": ("volume-side", "aligned"),
    "tissue": ("volume-tissue", "aligned"),
    "side, moved": ("volume-side", "moved"),
    "tissue, moved": ("volume-tissue", "moved"),
}
"""The task and the split by the first part of an arm's name."""

MODELS = {
    "side": ("conv", "crop", "coordconv", "shuffled"),
    "tissue": ("conv", "crop", "coordconv", "shuffled"),
    "side, moved": ("conv", "coordconv"),
    "tissue, moved": ("conv", "coordconv"),
}
"""The networks of each row."""

RATES = (3e-3, 1e-2, 3e-2)


def volume() -> Study:
    """Return the study of all tasks and kinds of coordinates, on aligned and moved heads."""
    arms = {
        f"{row}, {model}": over_seeds(tuned(*ROWS[row], model), SEEDS)
        for row, models in MODELS.items()
        for model in models
    }
    return Study("volume", "Do millimeters help to predict side and tissue in a new head?", arms)


def again() -> Study:
    """Return the study `volume` with new seeds."""
    return replication(volume())


def tuning() -> Study:
    """Return the study of three learning rates with and without coordinates, on validation data."""
    arms = {
        f"{row}, {model}": over_rates(tuned(*ROWS[row], model), RATES)
        for row in ("side", "tissue")
        for model in ("conv", "coordconv")
    }
    return Study("volume-tuning", "Which learning rate suits each network for volumes?", arms)


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return {"volume": volume, "volume-again": again, "volume-tuning": tuning}
