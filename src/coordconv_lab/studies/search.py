"""Studies of a search: what each net comes to, over settings drawn at random from one space."""

import random
from collections.abc import Mapping
from typing import Any

from coordconv_lab.recipes import tuned, with_settings
from coordconv_lab.specs import BASELINE
from coordconv_lab.studies.rows import SPLITS, TASKS, row
from coordconv_lab.studies.study import Study

DRAWS = 10


def search() -> Study:
    """Every net of the tables at ten settings; the same draws for both nets of a task."""
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
        "What is the best that each net comes to in a search, and how often does it come there?",
        arms,
    )


def _earlier(task: str, model: str) -> Mapping[str, Any]:
    """What the recipe had when the search was run; its renderer left the background gray."""
    if (task, model) != ("rendering", "coordconv"):
        return {}
    return {
        "model.painter_input_scale": 30.0,
        "model.painter_logit_scale": 1.0,
        "training.epochs": 2,
        "training.point_loss": 0.3,
    }


def _draw(task: str, model: str, number: int) -> Mapping[str, Any]:
    """Optimizer settings that any net can have; for the baselines, their own options too."""
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
