"""Recipes: named functions from a task, a split, a model and a seed to a spec."""

from collections.abc import Mapping
from typing import Protocol

from coordconv_lab.recipes.paper import paper
from coordconv_lab.recipes.settings import with_settings
from coordconv_lab.recipes.tuned import tuned
from coordconv_lab.recipes.tutorial import tutorial, tutorial_resampled
from coordconv_lab.recipes.tutorial_text import tutorial_text
from coordconv_lab.specs import ExperimentSpec, SplitName, TaskName

__all__ = [
    "RECIPES",
    "Recipe",
    "paper",
    "tuned",
    "tutorial",
    "tutorial_resampled",
    "tutorial_text",
    "with_settings",
]


class Recipe(Protocol):
    """A function from a row of the tables to its spec."""

    def __call__(
        self, task: TaskName, split: SplitName, model: str, seed: int = 0
    ) -> ExperimentSpec:
        """Return the spec of one row.

        Raises:
            InputError: The task has no such model.
        """
        ...


RECIPES: Mapping[str, Recipe] = {
    "tuned": tuned,
    "tutorial": tutorial,
    "tutorial_text": tutorial_text,
    "paper": paper,
}
"""Ours; the tutorial's code; the tutorial's text; the paper's code."""
