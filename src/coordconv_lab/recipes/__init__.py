"""Create specs (descriptions of runs) from recipes (named settings), and change their settings."""

from coordconv_lab.recipes.choice import family_of, recipe_names, spec_by_recipe
from coordconv_lab.recipes.settings import flat_settings, with_settings

__all__ = ["family_of", "flat_settings", "recipe_names", "spec_by_recipe", "with_settings"]
