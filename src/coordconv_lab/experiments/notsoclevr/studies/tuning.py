"""Studies that choose the settings of the recipe `tuned`, on a validation set.

Every network gets the same number of tuning runs. The first, broad stage draws random settings. The
second stage draws settings near the best of the first stage. The data do not contain test
positions. Options that only hurt a network are omitted: large inputs for a conv regressor, and
batch normalization for a deconv network. The settings of the CoordConv renderer were chosen in
other runs (docs/decisions/0028), so only its baseline is tuned here.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import Record
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies.study import Study, row

BROAD, AROUND = 12, 8

TUNED_TASKS: tuple[str, ...] = ("regression", "classification")

BEST_OF_BROAD: Mapping[str, int] = {
    "regression, uniform, coordconv": 3,
    "regression, uniform, conv": 0,
    "regression, quadrant, coordconv": 0,
    "regression, quadrant, conv": 8,
    "classification, uniform, coordconv": 0,
    "classification, uniform, deconv": 9,
    "classification, quadrant, coordconv": 2,
    "classification, quadrant, deconv": 6,
    "rendering, uniform, deconv": 1,
    "rendering, quadrant, deconv": 3,
}
"""The number of the best draw of the broad stage, by row."""

BEST_OF_BOTH: Mapping[str, tuple[int, int]] = {
    "regression, uniform, coordconv": (0, 3),
    "regression, quadrant, coordconv": (0, 0),
    "classification, uniform, coordconv": (0, 0),
    "classification, quadrant, coordconv": (0, 2),
}
"""The stage and the number of the best draw of both stages, for CoordConv."""

_FIRST_SEED, _NEW_SEED = 1000, 2000


def tuning() -> Study:
    """Return the broad stage, with random settings from one space for all networks of a task."""
    arms = {
        row(task, split, model): [_broad(task, split, model, number) for number in range(BROAD)]
        for task, split, model in _rows()
    }
    return Study(
        "tuning",
        "Which settings suit each network, by scores on a validation set?",
        arms,
    )


def tuning_around() -> Study:
    """Return the second stage, with settings near the best of the broad stage."""
    arms = {
        row(task, split, model): [
            _around(task, split, model, BEST_OF_BROAD[row(task, split, model)], number)
            for number in range(AROUND)
        ]
        for task, split, model in _rows()
    }
    return Study(
        "tuning-around",
        "Which settings near the best of the broad stage suit each network?",
        arms,
    )


def tuning_seeds() -> Study:
    """Return runs of two settings of CoordConv on the validation set, with new seeds.

    The settings of our recipe for classification and regression are older than the validation set.
    They are compared with the best of the drawn settings.
    """
    arms = {}
    for task, split in product(TUNED_TASKS, SPLITS):
        name = row(task, split, "coordconv")
        stage, number = BEST_OF_BOTH[name]
        drawn = (tuning, tuning_around)[stage]().arms[name][number]
        ours = _validated(task, split, "coordconv", {}, 0)
        for words, spec in (("our recipe", ours), ("best drawn settings", drawn)):
            seeds = range(_NEW_SEED, _NEW_SEED + 10)
            arms[f"{name}, {words}"] = [spec.model_copy(update={"seed": seed}) for seed in seeds]
    return Study(
        "tuning-seeds",
        "Do the settings of our recipe for CoordConv solve the validation set on as many seeds as "
        "the best of the drawn settings?",
        arms,
    )


def best_of(records: Sequence[Record | None]) -> int:
    """Return the index of the best run, by validation accuracy, then by training accuracy.

    Args:
        records: The runs of one row; None for a run that diverged.
    """
    return max(
        (place for place, record in enumerate(records) if record is not None),
        key=lambda place: _rank(records[place]),
    )


def _rank(record: Record | None) -> tuple[float, float]:
    return (record.test_score, record.train_score) if record else (-1.0, -1.0)


def _rows() -> list[tuple[str, str, str]]:
    both = [
        (task, split, model)
        for task, split in product(TUNED_TASKS, SPLITS)
        for model in ("coordconv", BASELINE[task])
    ]
    return [*both, *(("rendering", split, BASELINE["rendering"]) for split in SPLITS)]


def _broad(task: str, split: str, model: str, number: int) -> ExperimentSpec:
    drawn = random.Random(f"tuning {row(task, split, model)} {number}")
    settings: dict[str, Any] = {
        "training.learning_rate": round(10 ** drawn.uniform(-3, -1.5), 6),
        "training.optimizer": "adamw",
        "training.weight_decay": round(drawn.choice([0, 10 ** drawn.uniform(-2, 0.5)]), 6),
        "training.betas": (0.9, drawn.choice([0.99, 0.999])),
        "training.schedule": drawn.choice(["cosine", "linear"]),
        "training.warmup": 0.05,
    }
    if model == "deconv":
        settings["model.kernel"] = drawn.choice([2, 3])
    return _validated(task, split, model, settings, _FIRST_SEED + number)


def _around(task: str, split: str, model: str, best: int, number: int) -> ExperimentSpec:
    spec = _broad(task, split, model, best)
    drawn = random.Random(f"tuning around {row(task, split, model)} {number}")
    rate, decay = (10 ** drawn.uniform(-width, width) for width in (0.25, 0.4))
    settings = {
        "training.learning_rate": round(spec.training.learning_rate * rate, 6),
        "training.weight_decay": round(spec.training.weight_decay * decay, 6),
    }
    spec = with_settings(spec, settings)
    return spec.model_copy(update={"seed": _FIRST_SEED + BROAD + number})


def _validated(
    task: str, split: str, model: str, settings: Mapping[str, Any], seed: int
) -> ExperimentSpec:
    start = tuned(task, split, model)  # pyright: ignore[reportArgumentType]
    return with_settings(start, {"data.held_out": "validation", "seed": seed, **settings})
