"""Settings of the runs on tiles, with the best learning rates of the study `tiles-tuning`."""

from collections.abc import Mapping

from coordconv_lab.experiments.earth.recipes import training
from coordconv_lab.experiments.earth.specs import TOLD
from coordconv_lab.experiments.tiles.specs import TilesNetSpec, TilesSpec
from coordconv_lab.specs import ExperimentSpec

RATES: Mapping[str, float] = {"nothing": 1e-2, "both": 3e-3}
"""The learning rate of networks without and with coordinates."""


def tuned(task: str, split: str, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the settings of a run on tiles.

    Args:
        task: "climate-zones".
        split: The split.
        model: "conv", "crop", "latitude", "coordconv", "sphere" or "shuffled".
        seed: Seed of the run.
    """
    return ExperimentSpec(
        task=task,
        data=TilesSpec.model_validate({"split": split}),
        model=TilesNetSpec.model_validate({"told": TOLD[model]}),
        training=training(RATES, model, epochs=12, batch_size=8),
        seed=seed,
    )
