"""Studies of tiles."""

from collections.abc import Callable, Mapping

from coordconv_lab.experiments.earth.specs import TOLD
from coordconv_lab.experiments.tiles.recipes import tuned
from coordconv_lab.experiments.tiles.specs import STRIPS
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies.replication import replication
from coordconv_lab.studies.study import Study, over_rates, over_seeds

SEEDS = 5

TASK = "climate-zones"

FOLDS = ("first", "second", "third")

RATES = (1e-3, 3e-3, 1e-2, 3e-2)


def strip_arms(split: str) -> dict[str, ExperimentSpec]:
    """Return the arms of the split that holds out a strip.

    In these arms, the longitude jumps inside of the strip, on the opposite side of the earth, or
    nowhere.
    """
    middle = STRIPS[split]
    # Longitude jumps on the side of the earth that is opposite to its prime meridian.
    primes = {"seam": middle - 180 if middle > 0 else middle + 180, "away": middle}
    counted = {
        name: with_settings(tuned(TASK, split, "coordconv"), {"data.prime_meridian": prime})
        for name, prime in primes.items()
    }
    return {**counted, "sphere": tuned(TASK, split, "sphere")}


def tiles() -> Study:
    """Return the study of all kinds of coordinates, in known places, new sectors and new strips."""
    single = {
        "known": {model: tuned(TASK, "known", model) for model in TOLD},
        **{
            split: {
                model: tuned(TASK, split, model)
                for model in ("conv", "latitude", "coordconv", "sphere")
            }
            for split in FOLDS
        },
        **{split: strip_arms(split) for split in STRIPS},
    }
    arms = {
        f"{split}, {name}": over_seeds(spec, SEEDS)
        for split, specs in single.items()
        for name, spec in specs.items()
    }
    return Study("tiles", "Which coordinates help to predict climate zones, and where?", arms)


def again() -> Study:
    """Return the study `tiles` with new seeds."""
    return replication(tiles())


def tuning() -> Study:
    """Return the study of four learning rates with and without coordinates, on validation data."""
    arms = {
        model: over_rates(tuned(TASK, "known", model), RATES) for model in ("conv", "coordconv")
    }
    return Study("tiles-tuning", "Which learning rate suits each network for tiles?", arms)


def studies() -> Mapping[str, Callable[[], Study]]:
    """Return the studies by name."""
    return {"tiles": tiles, "tiles-again": again, "tiles-tuning": tuning}
