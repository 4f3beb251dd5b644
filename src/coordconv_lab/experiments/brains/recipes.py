"""Settings of the runs on brains, with the best learning rates of the study `brains-tuning`."""

from collections.abc import Mapping

from coordconv_lab.experiments.brains.specs import (
    FAMILIES,
    BrainNetSpec,
    BrainsSpec,
    BrainTrainingSpec,
)
from coordconv_lab.specs import ExperimentSpec

DEFAULT_RATE = 1e-2

RATES: Mapping[str, float] = {"nothing": 3e-2, "true": 3e-2}
"""The learning rate of networks without and with coordinates."""

TOLD = {family: told for told, family in FAMILIES.items()}


def tuned(task: str, split: str, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the settings of a run without mirroring."""
    return settings(split, model, seed)


def settings(split: str, model: str, seed: int = 0, mirror: str = "no") -> ExperimentSpec:
    """Return the settings of a run on brains.

    Args:
        split: The people to hold out.
        model: "conv", "patch", "coordconv" or "shuffled".
        seed: Seed of the run.
        mirror: "no", "carried" or "stale": whether training mirrors patches, and whether it then
            also mirrors their coordinates. See `BrainTrainingSpec`.
    """
    rate = RATES.get("nothing" if model == "conv" else "true", DEFAULT_RATE)
    training = {
        "epochs": 4,
        "batch_size": 64,
        "learning_rate": rate,
        "optimizer": "adamw",
        "weight_decay": 0.01,
        "schedule": "cosine",
        "warmup": 0.1,
        "mirror": mirror,
        "curve_points": 4,
    }
    return ExperimentSpec(
        task="brain-regions",
        data=BrainsSpec.model_validate({"split": split}),
        model=BrainNetSpec.model_validate({"told": TOLD[model]}),
        training=BrainTrainingSpec.model_validate(training),
        seed=seed,
    )
