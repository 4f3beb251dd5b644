"""The descriptor of Not-so-Clevr. This module does not import torch."""

from collections.abc import Mapping

from coordconv_lab.experiments.notsoclevr.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DataSpec,
    DeconvNet,
    DeconvRenderer,
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
    MLPRegressor,
    SquareAutoencoder,
    SquaresTrainingSpec,
    TransformerRegressor,
)
from coordconv_lab.registry import (
    Experiment,
    Network,
    Plugin,
    Reproduction,
    Score,
    Task,
    distance,
)

_MAKE = "coordconv_lab.experiments.notsoclevr.tasks.select:task_of"
_EXAMPLE = "coordconv_lab.experiments.notsoclevr.tasks.select:example_of"
_BUILD = "coordconv_lab.experiments.notsoclevr.networks.build:build_for"

_POINTS = "points (x, y) in pixels, shape (N, 2)"
_IMAGES = "images of shape (N, 1, {canvas[0]}, {canvas[1]})"
_LOGITS = "logits of shape (N, 1, {canvas[0]}, {canvas[1]})"

# With a mean IoU of 0.99, images have less than one wrong pixel on average, because a single wrong
# pixel in a 9 x 9 square reduces the IoU of its image by 0.012.
_SOLVED_IOU = 0.99

_OVERLAPS = (
    Score(name="mean_iou", label="mean IoU"),
    Score(name="worst_iou"),
    Score(name="soft_iou", required=False, label="soft IoU"),
    Score(name="mean_absolute_error", required=False, label="error", is_error=True),
)

TASKS = (
    Task(
        name="classification",
        network="coordconv",
        baseline="deconv",
        scores=(Score(name="accuracy", percent=True),),
        solved=1.0,
        make=_MAKE,
        example=_EXAMPLE,
        inputs=_POINTS,
        outputs=f"{_LOGITS}, highest at the pixel of the point",
    ),
    Task(
        name="regression",
        network="coordconv",
        baseline="conv",
        scores=(
            Score(name="accuracy", percent=True),
            Score(name="coordinate_accuracy", percent=True, label="coordinates"),
            distance("mean_distance"),
            distance("worst_distance"),
        ),
        solved=1.0,
        make=_MAKE,
        example=_EXAMPLE,
        inputs=_IMAGES,
        outputs="the point (x, y) at the center of the square, shape (N, 2)",
    ),
    Task(
        name="rendering",
        network="coordconv",
        baseline="deconv",
        scores=_OVERLAPS,
        solved=_SOLVED_IOU,
        make=_MAKE,
        example=_EXAMPLE,
        inputs=_POINTS,
        outputs=f"{_LOGITS} of the square around the point",
    ),
    Task(
        name="reconstruction",
        network="coordconv",
        baseline="deconv",
        scores=_OVERLAPS,
        solved=_SOLVED_IOU,
        make=_MAKE,
        example=_EXAMPLE,
        inputs=_IMAGES,
        outputs=f"{_LOGITS} of the same image",
    ),
)

BASELINE: Mapping[str, str] = {task.name: task.baseline for task in TASKS}
"""The network family of each task's baseline, which has no coordinates."""

_KINDS = {
    CoordConvClassifier: ("classification", "rendering"),
    DeconvNet: ("classification", "rendering"),
    HandBuiltClassifier: ("classification",),
    CoordConvRegressor: ("regression",),
    ConvFlatRegressor: ("regression",),
    ConvPooledRegressor: ("regression",),
    MLPRegressor: ("regression",),
    TransformerRegressor: ("regression",),
    HandBuiltRegressor: ("regression",),
    CoordConvRenderer: ("rendering",),
    DeconvRenderer: ("rendering",),
    HandBuiltRenderer: ("rendering",),
    SquareAutoencoder: ("reconstruction",),
}

NOT_SO_CLEVR = Experiment(
    name="notsoclevr",
    title="Not-so-Clevr",
    data=DataSpec,
    load="coordconv_lab.experiments.notsoclevr.data.notsoclevr:NotSoClevr",
    tasks=TASKS,
    training=SquaresTrainingSpec,
    check="coordconv_lab.experiments.notsoclevr.specs.fit:check",
    recipes={
        # The recipes are our settings, those that train in the least time, then those of the
        # tutorial's code, the tutorial's text and the paper's code.
        "tuned": "coordconv_lab.experiments.notsoclevr.recipes.tuned:tuned",
        "fast": "coordconv_lab.experiments.notsoclevr.recipes.fast:fast",
        "tutorial": "coordconv_lab.experiments.notsoclevr.recipes.tutorial:tutorial",
        "tutorial_text": "coordconv_lab.experiments.notsoclevr.recipes.tutorial_text:tutorial_text",
        "paper": "coordconv_lab.experiments.notsoclevr.recipes.paper:paper",
    },
    studies="coordconv_lab.experiments.notsoclevr.studies.all_studies:studies",
    sweeps="coordconv_lab.experiments.notsoclevr.studies.all_studies:sweeps",
    claims="coordconv_lab.experiments.notsoclevr.claims.all_claims:claims",
    reproduction=Reproduction(
        tasks=("classification", "regression", "rendering"),
        summary="coordconv_lab.experiments.notsoclevr.summary:summary",
        show="coordconv_lab.experiments.notsoclevr.tutorial_table:print_table",
    ),
    names={"coordconv": "CoordConv", "deconv": "Deconv", "conv": "Conv"},
    about=(
        "Squares of {square} pixels on a canvas of {canvas[0]} x {canvas[1]}, at every position "
        "(Liu et al. 2018, arXiv:1807.03247)."
    ),
    panels="coordconv_lab.experiments.notsoclevr.figures.panels:SquarePanels",
)

PLUGIN = Plugin(
    name="notsoclevr",
    version="1",
    built_in=True,
    experiments=(NOT_SO_CLEVR,),
    networks=tuple(Network(spec=spec, build=_BUILD, tasks=tasks) for spec, tasks in _KINDS.items()),
)
