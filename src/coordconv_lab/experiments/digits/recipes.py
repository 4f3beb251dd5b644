"""Settings of the runs on digits, with the best learning rates of the study `digits-tuning`."""

from collections.abc import Mapping

from coordconv_lab.experiments.digits.fit import SCENES
from coordconv_lab.experiments.digits.specs import (
    FAMILIES,
    DigitClassifierSpec,
    DigitProposalsSpec,
    DigitsSpec,
)
from coordconv_lab.specs import ExperimentSpec, TrainingSpec

DEFAULT_RATE = 3e-3

RATES: Mapping[tuple[str, str], float] = {
    ("digit-classification", "nothing"): 1e-2,
    ("digit-classification", "true"): 3e-3,
    ("relative", "nothing"): 3e-3,
    ("relative", "true"): 3e-3,
    ("absolute", "nothing"): 3e-3,
    ("absolute", "true"): 3e-3,
}
"""The learning rate by task or kind of boxes, and by coordinates."""

TOLD = {family: told for told, family in FAMILIES.items()}


def tuned(task: str, split: str, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the settings of a task, with boxes relative to anchors."""
    return settings(task, split, model, seed)


def settings(
    task: str, split: str, model: str, seed: int = 0, boxes: str = "relative"
) -> ExperimentSpec:
    """Return the settings of a task.

    Args:
        task: "digit-classification" or "digit-boxes".
        split: The split.
        model: "conv", "coordconv" or "shuffled".
        seed: Seed of the run.
        boxes: "relative" or "absolute", for the task digit-boxes.
    """
    told = TOLD[model]
    is_boxes = task == "digit-boxes"
    network = DigitProposalsSpec if is_boxes else DigitClassifierSpec
    options = {"told": told, **({"boxes": boxes} if is_boxes else {})}
    tuned_as = "nothing" if told == "nothing" else "true"
    rate = RATES.get((boxes if is_boxes else task, tuned_as), DEFAULT_RATE)
    return ExperimentSpec(
        task=task,
        data=DigitsSpec.model_validate({"split": split, "scene": SCENES[task]}),
        model=network.model_validate(options),
        training=TrainingSpec(
            epochs=4 if is_boxes else 8,
            batch_size=32,
            learning_rate=rate,
            schedule="cosine",
            warmup=0.05,
            curve_points=4,
        ),
        seed=seed,
    )
