"""The networks, targets, batches and optimizer of the paper's code, with one setting of each sweep.

The sources are Liu et al. 2018 (arXiv:1807.03247), supplement, and its code
(uber-research/CoordConv). Where these are ambiguous, or the code cannot run, the recipe interprets
them as follows:

- Of each sweep of the paper, one setting is used, with the sweep's number of epochs.
- The paper's L2 penalty is the sum of the squared kernels, without the factor of one half, so the
  equivalent weight decay is twice as large.
- The paper's regression targets are points divided by 64. Here, the output of the network is
  multiplied by 64 and compared in pixels. For Adam, this is equivalent if the penalty is 4096 times
  as large.
- The two linear layers of the conv network have the same initialization and weight decay as its
  convolutions. In the paper's code, they have the library's initial weights and no weight decay.
- The paper's code cannot run rendering, but it defines the networks, which are used here. The
  deconv network has the settings of classification. The CoordConv network has the lower learning
  rate of its sweep and no penalty.
"""

from coordconv_lab.experiments.notsoclevr.recipes.parts import checked_model, spec_of
from coordconv_lab.experiments.notsoclevr.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DeconvNet,
    SplitName,
)
from coordconv_lab.specs import ExperimentSpec, NetworkSpec, TrainingSpec

CLASSIFIER = CoordConvClassifier(input_scale="raw", initialisation="he_tensorflow")
REGRESSOR = CoordConvRegressor(
    padding="same", input_scale=1, output_scale=64, initialisation="he_tensorflow"
)
RENDERER = CoordConvRenderer(input_scale="raw", initialisation="he_tensorflow")
DECONV = DeconvNet(
    width=2, kernel=3, batch_norm=True, input_scale="raw", initialisation="he_tensorflow"
)
CONV_FLAT = ConvFlatRegressor(initialisation="he_tensorflow")
CONV_POOLED = ConvPooledRegressor(normalise="first_after", initialisation="he_tensorflow")


def l2_penalty(strength: float) -> dict[str, float | bool]:
    """Return the training settings that are equivalent to the L2 penalty of the paper's code."""
    return {"weight_decay": 2 * strength, "decay_biases": False}


_COMMON = TrainingSpec(epochs=50, batch_size=16, learning_rate=5e-3, betas=(0.9, 0.99))
_CLASSIFICATION = _COMMON.model_copy(update=l2_penalty(1e-3))
_RENDERING = _COMMON.model_copy(update={"learning_rate": 1e-3})
_DECONV = _CLASSIFICATION.model_copy(
    update={"epochs": 1000, "learning_rate": 1e-2, "schedule": "steps"}
)
_REGRESSION = _COMMON.model_copy(
    update={"epochs": 100, "batch_size": 256, "learning_rate": 1e-2, **l2_penalty(1e-5 * 64**2)}
)
_CONV = _REGRESSION.model_copy(update={"learning_rate": 1e-3})


def paper(task: str, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the spec of a network of the paper, with one good setting of its sweep.

    Args:
        task: The task.
        split: The split of the paper's code.
        model: "coordconv" or, for the baseline of the task, "baseline" or its name.
        seed: Seed of the initial weights and of the order of the batches.

    Raises:
        InputError: The task has no such model.

    Example:
        >>> paper("classification", "uniform", "deconv").training.epochs
        1000
    """
    return spec_of(task, split, _parts(task, split, checked_model(task, model)), seed, "paper")


def _parts(task: str, split: SplitName, model: str) -> tuple[NetworkSpec, TrainingSpec]:
    match task, model:
        case "classification", "coordconv":
            return CLASSIFIER, _CLASSIFICATION
        case "regression", "coordconv":
            return REGRESSOR, _REGRESSION
        case "rendering", "coordconv":
            return RENDERER, _RENDERING
        case "regression", _:
            return (CONV_FLAT if split == "uniform" else CONV_POOLED), _CONV
        case _:
            return DECONV, _DECONV
