"""Our best settings for the nets with coordinates; published settings or better for the baselines.

How they were chosen, and on which seeds: docs/decisions/0006, 0028 and 0030.
"""

from coordconv_lab.recipes.parts import Parts, checked_model, spec_of
from coordconv_lab.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DeconvNet,
    ExperimentSpec,
    SplitName,
    TaskName,
    TrainingSpec,
)

# Small batches: it is the number of steps that counts, and a step on few pictures is cheap; the
# classifier sees each example once. Strong decoupled weight decay carries the solution over to the
# held-out quadrant, and the rate is low enough to start well however long the schedule.
_COORDCONV_CLASSIFICATION = TrainingSpec(
    epochs=1,
    batch_size=4,
    learning_rate=0.005,
    optimizer="adamw",
    betas=(0.9, 0.99),
    weight_decay=2.0,
    schedule="cosine",
    warmup=0.1,
)

# The intermediate loss on the point is an option of the paper's code: a right point, then a stage
# that does the same at every position, generalizes to positions never seen. Its weight makes the
# gradients of the painter, which are large, small beside it: the point is learned as above.
_COORDCONV_RENDERING = _COORDCONV_CLASSIFICATION.model_copy(update={"point_loss": 100.0})

# One linear convolution: a stamp. Weight decay leaves the point a little blurred and keeps every
# weight and bias below one half, which would leave the background gray; the scale of the logits
# makes the point one pixel, the background black and the square white.
_RENDERER = CoordConvRenderer(painter_widths=(), painter_kernel=13, painter_logit_scale=3000)

_COORDCONV_REGRESSION = TrainingSpec(
    epochs=2, batch_size=8, learning_rate=0.01, schedule="linear", warmup=0.05
)

# The paper's narrowest deconv net, fed with pixels as the paper and the tutorial do, at a rate and
# a batch of the paper's grid: of what was tried, it solved most of the uniform split in its time.
_DECONV = TrainingSpec(epochs=40, batch_size=16, learning_rate=5e-3, schedule="cosine", warmup=0.05)

_DECONV_RENDERING = _DECONV.model_copy(update={"epochs": 78})

# The best of twenty settings each on a validation part: docs/decisions/0030.
_CONV = _DECONV.model_copy(update={"epochs": 16, "optimizer": "adamw", "betas": (0.9, 0.99)})
_CONV_FLAT = _CONV.model_copy(update={"learning_rate": 0.023735, "weight_decay": 0.241343})
_CONV_POOLED = _CONV.model_copy(update={"learning_rate": 0.011215, "weight_decay": 0.723066})


def _coordconv(task: TaskName) -> Parts:
    match task:
        case "classification":
            return CoordConvClassifier(), _COORDCONV_CLASSIFICATION
        case "regression":
            return CoordConvRegressor(), _COORDCONV_REGRESSION
        case _:
            return _RENDERER, _COORDCONV_RENDERING


def _baseline(task: TaskName, split: SplitName) -> Parts:
    if task == "regression" and split == "uniform":
        return ConvFlatRegressor(), _CONV_FLAT
    if task == "regression":
        return ConvPooledRegressor(), _CONV_POOLED
    training = _DECONV if task == "classification" else _DECONV_RENDERING
    return DeconvNet(width=1, input_scale="raw"), training


def tuned(task: TaskName, split: SplitName, model: str, seed: int = 0) -> ExperimentSpec:
    """The recipe behind the main table.

    Args:
        task: The task.
        split: The split.
        model: "coordconv", the name of the task's baseline, or "baseline".
        seed: Draws the initial weights and the order of the batches; the split keeps its own.

    Raises:
        InputError: The task has no such model.

    Example:
        >>> tuned("regression", "quadrant", "coordconv").training.epochs
        2
    """
    model = checked_model(task, model)
    parts = _coordconv(task) if model == "coordconv" else _baseline(task, split)
    return spec_of(task, split, parts, seed)
