"""Settings with which the networks with coordinates are trained in the least time.

They are those of `tuned` with changes that make training cheaper; see docs/decisions/0043. The
renderer and the baselines have the settings of `tuned`.
"""

from coordconv_lab.experiments.notsoclevr.recipes.tuned import tuned
from coordconv_lab.experiments.notsoclevr.specs import SplitName
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import ExperimentSpec

_CHANGES = {
    # Most pixels of an image are far from the point and say little.
    "classification": {"training.loss_window": 16},
    # As many steps, with half as many images each.
    "regression": {"training.epochs": 1, "training.batch_size": 4},
    "rendering": {},
}


def fast(task: str, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the spec of a network that is trained in little time.

    Args:
        task: The task.
        split: The split.
        model: "coordconv" or, for the baseline of the task, "baseline" or its name.
        seed: Seed of the initial weights, of the order of the batches, and of the sampled pixels.

    Raises:
        InputError: The task has no such model.

    Example:
        >>> fast("classification", "quadrant", "coordconv").training.loss_window
        16
    """
    spec = tuned(task, split, model, seed)
    return with_settings(spec, _CHANGES[task]) if model == "coordconv" else spec
