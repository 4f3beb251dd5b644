"""Studies of the volume."""

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
"""Task and split by the beginning of the name of an arm."""

MODELS = {
    "side": ("conv", "crop", "coordconv", "shuffled"),
    "tissue": ("conv", "crop", "coordconv", "shuffled"),
    "side, moved": ("conv", "coordconv"),
    "tissue, moved": ("conv", "coordconv"),
}
"""The networks of each row."""

RATES = (3e-3, 1e-2, 3e-2)


def volume() -> Study:
    """Return both tasks, with each kind of coordinates, for heads that are aligned and moved."""
    arms = {
        f"{row}, {model}": over_seeds(tuned(*ROWS[row], model), SEEDS)
        for row, models in MODELS.items()
        for model in models
    }
    return Study("volume", "Do millimeters tell the side and the tissue in a new head?", arms)


def again() -> Study:
    """Return the study `volume` with new seeds."""
    return replication(volume())


def tuning() -> Study:
    """Return three learning rates with and without coordinates, on heads of training."""
    arms = {
        f"{row}, {model}": over_rates(tuned(*ROWS[row], model), RATES)
        for row in ("side", "tissue")
        for model in ("conv", "coordconv")
    }
    return Study("volume-tuning", "Which learning rate does each network of volume need?", arms)


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return {"volume": volume, "volume-again": again, "volume-tuning": tuning}
