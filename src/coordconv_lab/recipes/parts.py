"""What all recipes do alike: check the model's name, put the parts of a spec together."""

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.specs import (
    BASELINE,
    DataSpec,
    ExperimentSpec,
    ModelSpec,
    SplitName,
    SplitVariant,
    TaskName,
    TrainingSpec,
)

Parts = tuple[ModelSpec, TrainingSpec]

TASKS: tuple[TaskName, ...] = ("classification", "regression", "rendering")
"""Those that the recipes have."""


def checked_model(task: TaskName, model: str) -> str:
    """Return "coordconv" or the name of the task's baseline.

    Raises:
        InputError: The recipes do not have the task, or the task no such model.
    """
    if task not in TASKS:
        raise InputError(
            f"the recipes have the tasks {', '.join(TASKS)}; got {in_short(task)}, which is "
            "trained from a spec of its own"
        )
    baseline = BASELINE[task]
    if model not in ("coordconv", "baseline", baseline):
        raise InputError(
            f"the {task} task has the models coordconv and {baseline}; got {in_short(model)}"
        )
    return "coordconv" if model == "coordconv" else baseline


def spec_of(
    task: TaskName, split: SplitName, parts: Parts, seed: int, variant: SplitVariant = "default"
) -> ExperimentSpec:
    """Put a spec together from a net and its training."""
    return ExperimentSpec(
        task=task,
        data=DataSpec(split=split, split_variant=variant),
        model=parts[0],
        training=parts[1],
        seed=seed,
    )
