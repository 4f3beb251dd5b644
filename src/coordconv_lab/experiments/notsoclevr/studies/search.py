"""The study `search`, which trains every network with random settings from the same space."""

import random
from collections.abc import Mapping
from typing import Any

from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS, TASKS
from coordconv_lab.recipes import with_settings
from coordconv_lab.studies.study import Study, row

DRAWS = 10


def search() -> Study:
    """Train every network of the tables of results with ten random settings.

    For each task, the network with coordinates and the baseline get the same settings.
    """
    arms = {
        row(task, split, model): [
            with_settings(
                tuned(task, split, model), {**_earlier(task, model), **_draw(task, model, number)}
            )
            for number in range(DRAWS)
        ]
        for task in TASKS
        for split in SPLITS
        for model in (BASELINE[task], "coordconv")
    }
    return Study(
        "search",
        "What is the best score of each network in a search, and how often is it reached?",
        arms,
    )


def _earlier(task: str, model: str) -> Mapping[str, Any]:
    """Return the settings that the recipe had at the time of the search.

    With these settings, renderings have a gray background.
    """
    if (task, model) != ("rendering", "coordconv"):
        return {}
    return {
        "model.painter_input_scale": 30.0,
        "model.painter_logit_scale": 1.0,
        "training.epochs": 2,
        "training.point_loss": 0.3,
    }


def _draw(task: str, model: str, number: int) -> Mapping[str, Any]:
    """Draw settings of the optimizer and, for a baseline, of the options that only it has."""
    drawn = random.Random(f"{task} {number}")
    settings: dict[str, Any] = {
        "training.learning_rate": round(10 ** drawn.uniform(-3.3, -1.7), 6),
        "training.weight_decay": round(drawn.choice([0, 10 ** drawn.uniform(-2, 0.5)]), 6),
        "training.optimizer": "adamw",
        "training.betas": (0.9, drawn.choice([0.99, 0.999])),
        "training.schedule": drawn.choice(["constant", "cosine"]),
    }
    if model == "deconv":
        settings |= {
            "model.width": drawn.choice([1, 2]),
            "model.kernel": drawn.choice([2, 3]),
            "model.batch_norm": drawn.choice([False, True]),
            "model.input_scale": drawn.choice(["raw", "unit"]),
        }
    if model == "conv":
        settings["model.input_scale"] = drawn.choice([1, 100, 1000])
    return settings
