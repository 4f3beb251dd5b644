"""Settings of the runs on signals, with the best learning rates of the study `signal-tuning`."""

from collections.abc import Mapping

from coordconv_lab.experiments.crops.recipes import training
from coordconv_lab.experiments.crops.specs import TOLD
from coordconv_lab.experiments.signal.specs import SignalNetSpec, SignalSpec
from coordconv_lab.specs import ExperimentSpec

RATES: Mapping[tuple[str, str], float] = {
    ("signal-later", "nothing"): 1e-2,
    ("signal-later", "true"): 3e-3,
    ("signal-still", "nothing"): 3e-2,
    ("signal-still", "true"): 3e-2,
}
"""The learning rate by task, for networks without and with coordinates."""


def tuned(task: str, split: str, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the settings of a run on signals.

    Args:
        task: "signal-later" or "signal-still".
        split: The people to hold out.
        model: "conv", "crop", "coordconv" or "shuffled".
        seed: Seed of the run.
    """
    return ExperimentSpec(
        task=task,
        data=SignalSpec.model_validate({"split": split}),
        model=SignalNetSpec.model_validate({"told": TOLD[model]}),
        training=training(RATES, task, model),
        seed=seed,
    )
