"""Studies of whole recipes: the rows of the tables, over seeds."""

from collections.abc import Mapping
from typing import Any, get_args

from coordconv_lab.recipes import tuned, tutorial, with_settings
from coordconv_lab.specs import ExperimentSpec, SplitName, TaskName
from coordconv_lab.studies.study import Study, over_seeds

TASKS: tuple[TaskName, ...] = ("classification", "regression", "rendering")
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


def row(task: str, split: str, model: str) -> str:
    """The name of an arm that is a row of the tutorial's tables."""
    return f"{task}, {split}, {model}"


# What a run takes grows from a minute and a half to more than an hour.
_CHEAPEST_FIRST: tuple[tuple[TaskName, str], ...] = (
    ("regression", "coordconv"),
    ("regression", "conv"),
    ("classification", "deconv"),
    ("rendering", "deconv"),
    ("classification", "coordconv"),
    ("rendering", "coordconv"),
)


def tutorial_rows() -> Study:
    """The tutorial's rows by the recipe `tutorial`; the dearest two have one seed each."""
    arms = {}
    for task, model in _CHEAPEST_FIRST:
        seeds = 5 if model == "coordconv" else 3
        if (task, model) == ("rendering", "coordconv"):
            seeds = 1
        for split in SPLITS:
            arms[row(task, split, model)] = over_seeds(tutorial(task, split, model), seeds)
    return Study(
        "tutorial",
        "What do the tutorial's rows come to, run as its code ran them, over seeds?",
        arms,
        arm_by_arm=True,
    )


LONGER = "three times as long"


def many_seeds() -> Study:
    """Our own recipe on ten seeds, and trained on three times as long; its baselines on three."""
    arms: dict[str, list[ExperimentSpec]] = {}
    for task in TASKS:
        for split in SPLITS:
            spec = tuned(task, split, "coordconv")
            arms[row(task, split, "coordconv")] = over_seeds(spec, 5 if task == "rendering" else 10)
            if task != "rendering":
                longer = with_settings(spec, {"training.epochs": 3 * spec.training.epochs})
                arms[f"{row(task, split, 'coordconv')}, {LONGER}"] = over_seeds(longer, 10)
            baseline = tuned(task, split, "baseline")
            arms[row(task, split, baseline.model_name)] = over_seeds(baseline, 3)
    return Study(
        "many-seeds",
        "Does our recipe solve the tasks on every seed, and stay there when trained on?",
        arms,
    )


DECONV_ENDINGS: Mapping[str, Mapping[str, Any]] = {
    "as published": {},
    "decaying rate": {"training.schedule": "cosine"},
    "wider": {"model.width": 3},
}


def deconv_endings() -> Study:
    """The tutorial's deconv row of classification, uniform split, and one change at a time."""
    spec = tutorial("classification", "uniform", "deconv")
    arms = {
        name: over_seeds(with_settings(spec, settings), 3)
        for name, settings in DECONV_ENDINGS.items()
    }
    return Study(
        "deconv-endings",
        "Why does the tutorial's deconv net end below the tutorial's figures?",
        arms,
    )
