"""Settings of the runs on climate, with the best learning rates of the study `climate-tuning`."""

from collections.abc import Mapping

from coordconv_lab.experiments.climate.specs import ClimateNetSpec, ClimateSpec
from coordconv_lab.experiments.earth.recipes import training
from coordconv_lab.experiments.earth.specs import TOLD
from coordconv_lab.specs import ExperimentSpec

RATES: Mapping[str, float] = {"nothing": 1e-2, "both": 1e-2}
"""The learning rate of networks without and with coordinates."""


def tuned(task: str, split: str, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the settings of a run.

    Args:
        task: "monthly-temperature".
        split: The split.
        model: "conv", "crop", "latitude", "coordconv", "sphere" or "shuffled".
        seed: Seed of the run.
    """
    return ExperimentSpec(
        task=task,
        data=ClimateSpec.model_validate({"split": split}),
        model=ClimateNetSpec.model_validate({"told": TOLD[model]}),
        training=training(RATES, model, epochs=6, batch_size=16),
        seed=seed,
    )
