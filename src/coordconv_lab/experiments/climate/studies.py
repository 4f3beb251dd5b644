"""Studies of climate."""

from collections.abc import Callable, Mapping

from coordconv_lab.experiments.climate.recipes import tuned
from coordconv_lab.experiments.earth.specs import TOLD
from coordconv_lab.studies.replication import replication
from coordconv_lab.studies.study import Study, over_rates, over_seeds

SEEDS = 5

TASK = "monthly-temperature"

MODELS = {
    "known": tuple(TOLD),
    "first": ("conv", "latitude", "coordconv", "sphere"),
    "second": ("conv", "latitude", "coordconv", "sphere"),
    "third": ("conv", "latitude", "coordconv", "sphere"),
}
"""The networks of each split."""

RATES = (3e-3, 1e-2, 3e-2)


def climate() -> Study:
    """Return the study of each kind of coordinates, at known and at held-out longitudes."""
    arms = {
        f"{split}, {model}": over_seeds(tuned(TASK, split, model), SEEDS)
        for split, models in MODELS.items()
        for model in models
    }
    return Study(
        "climate",
        "Which coordinates help to predict temperature, at known and at new longitudes?",
        arms,
    )


def again() -> Study:
    """Return the study `climate` with new seeds."""
    return replication(climate())


def tuning() -> Study:
    """Return the study of three learning rates with and without coordinates, on validation data."""
    arms = {
        model: over_rates(tuned(TASK, "known", model), RATES) for model in ("conv", "coordconv")
    }
    return Study("climate-tuning", "Which learning rate suits each network for climate?", arms)


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return {"climate": climate, "climate-again": again, "climate-tuning": tuning}
