"""Our best settings for the networks with coordinates and for the baselines.

docs/decisions/0006, 0028 and 0030 describe how the settings were chosen, and on which seeds.
"""

from coordconv_lab.experiments.notsoclevr.recipes.parts import Parts, checked_model, spec_of
from coordconv_lab.experiments.notsoclevr.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DeconvNet,
    SplitName,
    SquaresTrainingSpec,
)
from coordconv_lab.specs import ExperimentSpec

# Batches are small, because training needs many steps, and a step with few images takes little
# time. The classifier sees each example once. Strong decoupled weight decay makes the solution
# generalize to the held-out quadrant. The learning rate is low enough for a stable start with a
# schedule of any length.
_COORDCONV_CLASSIFICATION = SquaresTrainingSpec(
    epochs=1,
    batch_size=4,
    learning_rate=0.005,
    optimizer="adamw",
    betas=(0.9, 0.99),
    weight_decay=2.0,
    schedule="cosine",
    warmup=0.1,
)

# A renderer first predicts the point, then paints a square around it. The loss on this intermediate
# point is an option of the paper's code. If the point is correct and the painter does the same at
# every position, the network generalizes to positions outside of the training set. The weight of
# this loss is large enough to outweigh the gradients of the painter, so the network learns the
# point as in classification.
_COORDCONV_RENDERING = _COORDCONV_CLASSIFICATION.model_copy(update={"point_loss": 100.0})

# The painter is a single linear convolution. Weight decay blurs the point a little, and keeps every
# weight and bias below one half, which would give a gray background. Scaling the logits sharpens
# the point to one pixel, and makes the background black and the square white.
_RENDERER = CoordConvRenderer(painter_widths=(), painter_kernel=13, painter_logit_scale=3000)

_COORDCONV_REGRESSION = SquaresTrainingSpec(
    epochs=2, batch_size=8, learning_rate=0.01, schedule="linear", warmup=0.05
)

# For each of the following networks, the best of twenty settings on a validation set; see
# docs/decisions/0030. The deconv networks are the narrowest of the paper. As in the paper and the
# tutorial, their input is the point in pixels. The batch size is from the paper's grid.
_DECONV = SquaresTrainingSpec(
    epochs=40,
    batch_size=16,
    learning_rate=0.014463,
    optimizer="adamw",
    schedule="cosine",
    warmup=0.05,
)
_DECONV_CLASSIFICATION = {
    "uniform": _DECONV.model_copy(
        update={
            "learning_rate": 0.005837,
            "weight_decay": 0.078537,
            "betas": (0.9, 0.99),
            "schedule": "linear",
        }
    ),
    "quadrant": _DECONV,
}
_DECONV_RENDERING = {
    "uniform": _DECONV.model_copy(
        update={"epochs": 78, "learning_rate": 0.00662, "schedule": "linear"}
    ),
    "quadrant": _DECONV.model_copy(
        update={
            "epochs": 78,
            "learning_rate": 0.02543,
            "weight_decay": 0.078655,
            "betas": (0.9, 0.99),
        }
    ),
}
_CONV = _DECONV.model_copy(update={"epochs": 16, "betas": (0.9, 0.99)})
_CONV_FLAT = _CONV.model_copy(update={"learning_rate": 0.023735, "weight_decay": 0.241343})
_CONV_POOLED = _CONV.model_copy(update={"learning_rate": 0.011215, "weight_decay": 0.723066})


def _coordconv(task: str) -> Parts:
    match task:
        case "classification":
            return CoordConvClassifier(), _COORDCONV_CLASSIFICATION
        case "regression":
            return CoordConvRegressor(), _COORDCONV_REGRESSION
        case _:
            return _RENDERER, _COORDCONV_RENDERING


def _baseline(task: str, split: SplitName) -> Parts:
    if task == "regression" and split == "uniform":
        return ConvFlatRegressor(), _CONV_FLAT
    if task == "regression":
        return ConvPooledRegressor(), _CONV_POOLED
    if task == "classification":
        return DeconvNet(width=1, kernel=3, input_scale="raw"), _DECONV_CLASSIFICATION[split]
    kernel = 2 if split == "uniform" else 3
    return DeconvNet(width=1, kernel=kernel, input_scale="raw"), _DECONV_RENDERING[split]


def tuned(task: str, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
    """Return the spec of a network in the main table.

    Args:
        task: The task.
        split: The split.
        model: "coordconv" or, for the baseline of the task, "baseline" or its name.
        seed: Seed of the initial weights and of the order of the batches. The split has its own
            seed.

    Raises:
        InputError: The task has no such model.

    Example:
        >>> tuned("regression", "quadrant", "coordconv").training.epochs
        2
    """
    model = checked_model(task, model)
    parts = _coordconv(task) if model == "coordconv" else _baseline(task, split)
    return spec_of(task, split, parts, seed)
