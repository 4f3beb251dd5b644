"""The recipe of the tutorial's code, with the details that its text omits.

The sources are Ashwin D'Cruz, "Coord Conv Tutorial", and the code behind it
(ashwindcruz/coord-conv, branch ash/regression). Where these are ambiguous, the recipe interprets
them as follows:

- The tables list a weight decay for every row, but the code only applies it in deconv rendering.
- The deconv network has twice the width of the narrowest network, both in classification and in
  rendering, because the last rendering script builds the network for classification. In an earlier
  branch, the rendering network had three times the width.
- Deconv rendering uses the weight decay of TensorFlow 1, which is not scaled by the learning rate:
  1% per step on the uniform split, and 1e-100, effectively zero, on the quadrant split.
- Scores are over every example. The tutorial's code omits the last batch, which is not full.
- Also in evaluations, batch normalization uses the statistics of the batch, which has 32 training
  or 32 test points in random order.
- NumPy with seed 0 draws the split and the order of the batches, which are the same here.
  TensorFlow draws the initial weights, which cannot be reproduced. The seed of a run therefore only
  affects the initial weights.
"""

from typing import Any

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
from coordconv_lab.recipes.settings import with_settings
from coordconv_lab.specs import ExperimentSpec, NetworkSpec, TrainingSpec

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


def tutorial(task: str, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the spec of a row of the tutorial's tables, with the settings of its code.

    Args:
        task: The task.
        split: The split, in the tutorial's version.
        model: "coordconv" or, for the baseline of the task, "baseline" or its name.
        seed: Seed of the initial weights. Split and batches are those of the tutorial.

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


def tutorial_resampled(task: str, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the tutorial's settings with a random split and random batches.

    Studies that change a setting start from this recipe, because the statements of the tutorial are
    not about one particular split. The seed affects the initial weights and the order of the
    batches. A network with batch normalization is scored in batches that mix training and test
    points.

    Args:
        task: The task.
        split: The split. It has as many training and test positions as that of the tutorial.
        model: "coordconv" or, for the baseline of the task, "baseline" or its name.
        seed: Seed of the initial weights and of the order of the batches.

    Raises:
        InputError: The task has no such model.

    Example:
        >>> tutorial_resampled("regression", "quadrant", "conv").model.statistics
        'batch'
    """
    model = checked_model(task, model)
    net = _net(task, split, model)
    return spec_of(task, split, (net, training_of(task, split, model)), seed, variant="tutorial")


def training_of(task: str, split: SplitName, model: str) -> TrainingSpec:
    """Return the training settings of a row of the tutorial, with batches of 32."""
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


def _net(task: str, split: SplitName, model: str) -> NetworkSpec:
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
