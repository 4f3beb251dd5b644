"""Functions that all recipes use: check the name of a model, and build a spec from its parts."""

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.specs import DataSpec, SplitName, SplitVariant
from coordconv_lab.specs import ExperimentSpec, NetworkSpec, TrainingSpec

Parts = tuple[NetworkSpec, TrainingSpec]

TASKS: tuple[str, ...] = ("classification", "regression", "rendering")
"""The tasks for which there are recipes."""


def checked_model(task: str, model: str) -> str:
    """Return "coordconv" or the name of the task's baseline.

    Raises:
        InputError: The recipes do not have the task, or the task does not have the model.
    """
    if task not in TASKS:
        raise InputError(
            f"the recipes have the tasks {', '.join(TASKS)}; got {in_short(task)}, which needs a "
            "complete spec"
        )
    baseline = BASELINE[task]
    if model not in ("coordconv", "baseline", baseline):
        raise InputError(
            f"the {task} task has the models coordconv and {baseline}; got {in_short(model)}"
        )
    return "coordconv" if model == "coordconv" else baseline


def spec_of(
    task: str, split: SplitName, parts: Parts, seed: int, variant: SplitVariant = "default"
) -> ExperimentSpec:
    """Return the spec of a network and its training settings."""
    return ExperimentSpec(
        task=task,
        data=DataSpec(split=split, split_variant=variant),
        model=parts[0],
        training=parts[1],
        seed=seed,
    )
