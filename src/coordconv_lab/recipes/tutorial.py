"""What the tutorial's code does, the details included that its text leaves out.

Source: Ashwin D'Cruz, "Coord Conv Tutorial", and the code behind it (ashwindcruz/coord-conv, branch
ash/regression). Readings, where the source is ambiguous:

- Its weight-decay column is what it prints; its code decays in deconv rendering alone.
- Deconv is twice as wide as the narrowest in both tasks: the last rendering script builds the net
  of classification; an earlier branch had three times.
- Deconv rendering decays by TensorFlow 1's rule, which the rate does not scale: 1% a step on the
  uniform split, 1e-100, that is nothing, on the quadrant split.
- Scores count every example; its code leaves out the last batch, which is not full.
- Its batch normalisation takes its statistics from the batch at test too: 32 points of one side in
  random order.
- Its split and the order of its batches come from NumPy's seed 0 and can be repeated; its initial
  weights come from TensorFlow's and cannot, so the seed of a run draws only them.
"""

from typing import Any

from coordconv_lab.recipes.parts import checked_model, spec_of
from coordconv_lab.recipes.settings import with_settings
from coordconv_lab.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DeconvNet,
    ExperimentSpec,
    ModelSpec,
    SplitName,
    TaskName,
    TrainingSpec,
)

_RATES = {
    ("classification", "coordconv"): (1e-3, 1e-3),
    ("classification", "deconv"): (2e-3, 2e-3),
    ("regression", "coordconv"): (1e-3, 1e-3),
    ("regression", "conv"): (1e-3, 5e-4),
    ("rendering", "coordconv"): (1e-3, 6e-4),
    ("rendering", "deconv"): (1e-3, 6e-4),
}
_EPOCHS = {
    ("classification", "coordconv"): (100, 100),
    ("classification", "deconv"): (200, 200),
    ("regression", "coordconv"): (50, 50),
    ("regression", "conv"): (100, 100),
    ("rendering", "coordconv"): (100, 300),
    ("rendering", "deconv"): (100, 300),
}
_UNSCALED_DECAY = 1e-2
_NUMPY_SEED = 0

CLASSIFIER = CoordConvClassifier(input_scale="raw")
REGRESSOR = CoordConvRegressor(input_scale=1000)
RENDERER = CoordConvRenderer(input_scale="raw", painter_widths=(16, 16, 32, 32), painter_kernel=2)
DECONV = DeconvNet(width=2, input_scale="raw")
CONV_FLAT = ConvFlatRegressor(
    padding="valid", pool_stride=1, input_scale=1000, output_scale=1, initialisation="glorot"
)
CONV_POOLED = ConvPooledRegressor(
    padding="valid",
    normalise="after",
    statistics="batch",
    epsilon=1e-3,
    input_scale=1000,
    output_scale=1,
    initialisation="glorot",
)


def tutorial(task: TaskName, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
    """One row of the tutorial's tables, as its code ran it.

    Args:
        task: The task.
        split: The split, which has the tutorial's own sizes.
        model: "coordconv", the name of the task's baseline, or "baseline".
        seed: Draws the initial weights; split and batches are the tutorial's own.

    Raises:
        InputError: The task has no such model.

    Example:
        >>> tutorial("regression", "quadrant", "coordconv").training.epochs
        50
    """
    spec = tutorial_resampled(task, split, model, seed)
    own: dict[str, Any] = {"data.split_seed": _NUMPY_SEED, "training.batch_order": "tutorial"}
    if isinstance(spec.model, ConvPooledRegressor):
        own["model.statistics"] = "batch_of_a_side"
    return with_settings(spec, own)


def tutorial_resampled(
    task: TaskName, split: SplitName, model: str, seed: int = 0
) -> ExperimentSpec:
    """The tutorial's settings on another draw of its uniform split and of its batches.

    What the tutorial's text promises does not depend on its one draw; studies that change a setting
    start here. The seed draws the initial weights and the order of the batches, and a network that
    normalizes by the batch is scored in batches of training and test points mixed.

    Args:
        task: The task.
        split: The split, which has the tutorial's own sizes.
        model: "coordconv", the name of the task's baseline, or "baseline".
        seed: Draws the initial weights and the order of the batches.

    Raises:
        InputError: The task has no such model.

    Example:
        >>> tutorial_resampled("regression", "quadrant", "conv").model.statistics
        'batch'
    """
    model = checked_model(task, model)
    net = _net(task, split, model)
    return spec_of(task, split, (net, training_of(task, split, model)), seed, variant="tutorial")


def training_of(task: TaskName, split: SplitName, model: str) -> TrainingSpec:
    """The rate and length of a row of the tutorial's tables, in batches of 32."""
    place = 0 if split == "uniform" else 1
    epochs = _EPOCHS[task, model][place]
    training = TrainingSpec(
        epochs=epochs,
        learning_rate=_RATES[task, model][place],
        drop_last=True,
        curve_points=epochs,
    )
    if (task, split, model) != ("rendering", "uniform", "deconv"):
        return training
    decay = {"optimizer": "adamw_unscaled", "weight_decay": _UNSCALED_DECAY}
    return training.model_copy(update=decay)


def _net(task: TaskName, split: SplitName, model: str) -> ModelSpec:
    match task, model:
        case "classification", "coordconv":
            return CLASSIFIER
        case "regression", "coordconv":
            return REGRESSOR
        case "rendering", "coordconv":
            return RENDERER
        case "regression", _:
            return CONV_FLAT if split == "uniform" else CONV_POOLED
        case _:
            return DECONV
