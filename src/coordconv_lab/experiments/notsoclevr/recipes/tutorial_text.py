"""The recipe of the tutorial's text, as a reader without the code would implement it.

The source is Ashwin D'Cruz, "Coord Conv Tutorial". Where it is ambiguous, the recipe interprets it
as follows:

- "Weight decay" is that of AdamW, which is scaled by the learning rate.
- For the networks, the text refers to the supplement of the paper, which specifies kernels and
  channels. Activations are ReLUs. The coordinate network ends with max pooling, as the text
  requires. The input of a regressor is the plain one-hot image.
- The split is 80 to 20, as in the text, and scores are over every example.
- "More channels are used at each stage" of rendering means that the deconv network is three times
  as wide as the narrowest network, instead of twice as wide, and that the painter is twice as wide
  as that of the paper.
"""

from coordconv_lab.experiments.notsoclevr.recipes.paper import (
    CLASSIFIER,
    CONV_FLAT,
    CONV_POOLED,
    DECONV,
    REGRESSOR,
    RENDERER,
)
from coordconv_lab.experiments.notsoclevr.recipes.parts import checked_model, spec_of
from coordconv_lab.experiments.notsoclevr.recipes.tutorial import training_of
from coordconv_lab.experiments.notsoclevr.specs import SplitName
from coordconv_lab.specs import ExperimentSpec, NetworkSpec

_DECAYS = {
    ("classification", "coordconv"): (1e-3, 1e-3),
    ("classification", "deconv"): (2e-3, 2e-3),
    ("regression", "coordconv"): (1e-3, 1e-3),
    ("regression", "conv"): (1e-3, 5e-4),
    ("rendering", "coordconv"): (1e-2, 1e-100),
    ("rendering", "deconv"): (1e-2, 1e-100),
}
_WIDER = {"painter_widths": (16, 16, 32, 32)}


def tutorial_text(task: str, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the spec of a row of the tutorial's tables, as its text describes it.

    Args:
        task: The task.
        split: The split.
        model: "coordconv" or, for the baseline of the task, "baseline" or its name.
        seed: Seed of the initial weights and of the order of the batches.

    Raises:
        InputError: The task has no such model.

    Example:
        >>> tutorial_text("rendering", "uniform", "deconv").training.weight_decay
        0.01
    """
    model = checked_model(task, model)
    training = training_of(task, split, model).model_copy(
        update={
            "optimizer": "adamw",
            "weight_decay": _DECAYS[task, model][0 if split == "uniform" else 1],
            "drop_last": False,
        }
    )
    return spec_of(task, split, (_net(task, split, model), training), seed)


def _net(task: str, split: SplitName, model: str) -> NetworkSpec:
    match task, model:
        case "classification", "coordconv":
            return CLASSIFIER
        case "regression", "coordconv":
            return REGRESSOR.model_copy(update={"activation": "relu"})
        case "rendering", "coordconv":
            return RENDERER.model_copy(update=_WIDER)
        case "regression", _:
            return CONV_FLAT if split == "uniform" else CONV_POOLED
        case "rendering", _:
            return DECONV.model_copy(update={"width": 3})
        case _:
            return DECONV
