"""Recipes: functions that return the spec for a task, a split, a model and a seed, by name."""

from collections.abc import Mapping
from typing import Protocol

from coordconv_lab.experiments.notsoclevr.descriptor import NOT_SO_CLEVR
from coordconv_lab.experiments.notsoclevr.recipes.fast import fast
from coordconv_lab.experiments.notsoclevr.recipes.paper import paper
from coordconv_lab.experiments.notsoclevr.recipes.tuned import tuned
from coordconv_lab.experiments.notsoclevr.recipes.tutorial import tutorial, tutorial_resampled
from coordconv_lab.experiments.notsoclevr.recipes.tutorial_text import tutorial_text
from coordconv_lab.experiments.notsoclevr.specs import SplitName
from coordconv_lab.registry import resolve
from coordconv_lab.specs import ExperimentSpec

__all__ = [
    "RECIPES",
    "Recipe",
    "fast",
    "paper",
    "tuned",
    "tutorial",
    "tutorial_resampled",
    "tutorial_text",
]


class Recipe(Protocol):
    """A function that returns the spec for a row of the tables."""

    def __call__(self, task: str, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
        """Return the spec of one row.

        Raises:
            InputError: The task has no such model.
        """
        ...


RECIPES: Mapping[str, Recipe] = {
    name: resolve(reference) for name, reference in NOT_SO_CLEVR.recipes.items()
}
"""The recipes of the tutorial's tables, as listed in the descriptor."""
