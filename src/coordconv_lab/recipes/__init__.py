"""Recipes: named functions from a task, a split, a model and a seed to a spec."""

from coordconv_lab.recipes.settings import with_settings
from coordconv_lab.recipes.tuned import tuned

__all__ = ["tuned", "with_settings"]
