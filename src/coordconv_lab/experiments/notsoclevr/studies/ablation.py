"""Ablations of the recipe `tuned`: studies with one changed setting each, or with less data."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS
from coordconv_lab.recipes import with_settings
from coordconv_lab.studies.study import Study, over_seeds

AS_IT_IS = "as it is"

_OPTIMIZER: Mapping[str, Mapping[str, Any]] = {
    AS_IT_IS: {},
    "batches of 32": {"training.batch_size": 32},
    "constant learning rate": {"training.schedule": "constant"},
    "no warm-up": {"training.warmup": 0.0},
    "He initialization": {"model.initialisation": "he"},
}

CHANGES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "classification": {
        **_OPTIMIZER,
        "no weight decay": {"training.weight_decay": 0.0},
        "learning rate of 1e-3": {"training.learning_rate": 1e-3},
        "betas of Adam": {"training.betas": (0.9, 0.999)},
        "raw pixels as input": {"model.input_scale": "raw"},
        "batch normalization": {"model.batch_norm": True},
    },
    "regression": {
        **_OPTIMIZER,
        "weight decay of 0.1": {"training.optimizer": "adamw", "training.weight_decay": 0.1},
        "learning rate of 1e-3": {"training.learning_rate": 1e-3},
        "input times 1": {"model.input_scale": 1.0},
        "input times 1000": {"model.input_scale": 1000.0},
        "ReLUs": {"model.activation": "relu"},
        "average pooling": {"model.head": "average"},
        "padded convolutions": {"model.padding": "same"},
        "targets divided by 64": {"model.output_scale": 64.0},
    },
}
"""The changed settings, by task and by name of the change."""


def ablation() -> Study:
    """Return the study that changes one setting of the recipe `tuned` at a time."""
    arms = {
        f"{task}, {split}, {name}": over_seeds(
            with_settings(tuned(task, split, "coordconv"), settings), 5
        )
        for task, changes in CHANGES.items()
        for split in SPLITS
        for name, settings in changes.items()
    }
    return Study("ablation", "Which settings does the recipe `tuned` need?", arms)


SHARES = (0.05, 0.1, 0.2, 0.4, 0.8)


def samples() -> Study:
    """Return the study that trains on 5% to 80% of all positions, with the same number of steps.

    In all runs, the held-out positions are those of the uniform split.
    """
    arms = {}
    tasks: tuple[str, ...] = ("regression", "classification")
    for task, share in product(tasks, SHARES):
        for model in ("coordconv", BASELINE[task]):
            spec = tuned(task, "uniform", model)
            epochs = round(spec.training.epochs * SHARES[-1] / share)
            # Do not set the largest fraction, which is that of the other studies.
            settings = {} if share == SHARES[-1] else {"data.train_share": share}
            settings["training.epochs"] = epochs
            arms[f"{task}, {share:.0%}, {model}"] = over_seeds(with_settings(spec, settings), 3)
    return Study("samples", "How many training positions does a network need?", arms)
