"""Studies of whole recipes: the rows of the tables, over seeds."""

from itertools import product
from typing import get_args

from coordconv_lab.recipes import tuned, tutorial, tutorial_resampled, with_settings
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


# The costliest rows have the fewest seeds.
_EXACT_SEEDS = {
    ("regression", "coordconv"): 10,
    ("rendering", "coordconv"): 3,
    ("rendering", "deconv"): 2,
}


def tutorial_exact() -> Study:
    """The tutorial's rows on its own split and batches; a seed draws the initial weights."""
    arms = {
        row(task, split, model): over_seeds(
            tutorial(task, split, model), _EXACT_SEEDS.get((task, model), 5)
        )
        for task, model in _CHEAPEST_FIRST
        for split in SPLITS
    }
    return Study(
        "tutorial-exact",
        "What do the tutorial's rows come to on its own split and batches, over initial weights?",
        arms,
        arm_by_arm=True,
    )


def tutorial_rows() -> Study:
    """The tutorial's rows on other draws of split and batches, one seed for the costliest two."""
    arms = {}
    for task, model in _CHEAPEST_FIRST:
        seeds = 5 if model == "coordconv" else 3
        if (task, model) == ("rendering", "coordconv"):
            seeds = 1
        for split in SPLITS:
            spec = tutorial_resampled(task, split, model)
            arms[row(task, split, model)] = over_seeds(spec, seeds)
    return Study(
        "tutorial",
        "What do the tutorial's rows come to on other draws of its split and batches, over seeds?",
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


AS_PUBLISHED = "as published"
DECAYING = "decaying rate"
TWICE = "twice as long"
TWICE_DECAYING = f"{TWICE}, {DECAYING}"


def rows_that_differ() -> Study:
    """The tutorial's rows that end below its figures, and what may be the cause, changed.

    The curves suggest what to change: the classifiers swing until their last step, and on some
    seeds the regressor is still on its way when its epochs are over.
    """
    arms = {}
    decaying = {"training.schedule": "cosine"}
    for model, split in product(("deconv", "coordconv"), SPLITS):
        spec = tutorial_resampled("classification", split, model)
        name = row("classification", split, model)
        for change, settings in {AS_PUBLISHED: {}, DECAYING: decaying}.items():
            arms[f"{name}, {change}"] = over_seeds(with_settings(spec, settings), 3)
    for split in SPLITS:
        spec = tutorial_resampled("regression", split, "coordconv")
        name = row("regression", split, "coordconv")
        twice = trained_twice_as_long(spec)
        arms[f"{name}, {AS_PUBLISHED}"] = over_seeds(spec, 5)
        arms[f"{name}, {TWICE}"] = over_seeds(twice, 5)
        arms[f"{name}, {TWICE_DECAYING}"] = over_seeds(with_settings(twice, decaying), 5)
    return Study(
        "rows-that-differ",
        "Why do some of the tutorial's rows, run again, end below its figures?",
        arms,
    )


def trained_twice_as_long(spec: ExperimentSpec) -> ExperimentSpec:
    """The same training for twice its epochs, with a point of the curve at every epoch."""
    epochs = 2 * spec.training.epochs
    return with_settings(spec, {"training.epochs": epochs, "training.curve_points": epochs})
