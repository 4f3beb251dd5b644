"""Settings of the runs on volumes, with the best learning rates of the study `volume-tuning`."""

from collections.abc import Mapping

from coordconv_lab.experiments.crops.recipes import training
from coordconv_lab.experiments.crops.specs import TOLD
from coordconv_lab.experiments.volume.specs import VolumeNetSpec, VolumeSpec
from coordconv_lab.specs import ExperimentSpec

RATES: Mapping[tuple[str, str], float] = {
    ("volume-side", "nothing"): 1e-2,
    ("volume-side", "true"): 3e-3,
    ("volume-tissue", "nothing"): 3e-2,
    ("volume-tissue", "true"): 3e-2,
}
"""The learning rate by task, for networks without and with coordinates."""


def tuned(task: str, split: str, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the settings of a run on volumes.

    Args:
        task: "volume-side" or "volume-tissue".
        split: "aligned" or "moved".
        model: "conv", "crop", "coordconv" or "shuffled".
        seed: Seed of the run.
    """
    return ExperimentSpec(
        task=task,
        data=VolumeSpec.model_validate({"split": split}),
        model=VolumeNetSpec.model_validate({"told": TOLD[model]}),
        training=training(RATES, task, model),
        seed=seed,
    )
