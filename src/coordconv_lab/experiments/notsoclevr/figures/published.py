"""The tutorial's scores for the networks that it describes."""

from functools import cache

from coordconv_lab.experiments.notsoclevr.recipes import tuned, tutorial, tutorial_text
from coordconv_lab.experiments.notsoclevr.specs import SplitName
from coordconv_lab.experiments.notsoclevr.tutorial_scores import TUTORIAL_SCORES
from coordconv_lab.report.panels import Published
from coordconv_lab.specs import ExperimentSpec

_RECIPES = (tuned, tutorial, tutorial_text)


def published(spec: ExperimentSpec) -> Published | None:
    """Return the tutorial's scores for the network of a spec.

    Args:
        spec: The spec of a run.

    Returns:
        The training and held-out score that the tutorial reports, or None. They are returned only
        if, apart from its seed, the spec equals that of a recipe for the same row of the tutorial's
        table.
    """
    key = spec.task, spec.data.split, spec.model_name
    if key not in TUTORIAL_SCORES:
        return None
    is_like = spec.model_copy(update={"seed": 0}) in _specs(*key)
    return TUTORIAL_SCORES[key] if is_like else None


@cache
def _specs(task: str, split: SplitName, family: str) -> list[ExperimentSpec]:
    return [recipe(task, split, family) for recipe in _RECIPES]
