"""A study of how to render a white square on a black background."""

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import (
    CoordConvRenderer,
    DeconvNet,
    DeconvRenderer,
    PainterOptions,
)
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies.study import Study, over_seeds

AIDED = "deconv with the same aids"


def crisp() -> Study:
    """Compare our renderer, the deconv network, and a deconv network with parts of our renderer.

    These parts are a loss on the point, a softmax over the pixels with its scales, and one
    convolution that draws the square. The deconv network with these parts is trained with the
    settings of the recipe `tuned` for classification.
    """
    arms: dict[str, list[ExperimentSpec]] = {}
    for split in SPLITS:
        ours, plain = (tuned("rendering", split, model) for model in ("coordconv", "deconv"))
        finder = tuned("classification", split, "deconv")
        arms[f"{split}, coordconv"] = over_seeds(ours, 20)
        arms[f"{split}, {AIDED}"] = over_seeds(with_aids(finder, ours), 3)
        arms[f"{split}, deconv"] = over_seeds(plain, 3)
    return Study(
        "crisp",
        "Which networks render a white square on a black background at held-out positions?",
        arms,
    )


def with_aids(finder: ExperimentSpec, ours: ExperimentSpec) -> ExperimentSpec:
    """Return the spec of a deconv point finder followed by the painter of a CoordConv renderer.

    Args:
        finder: A deconv classifier, which provides the network and the training settings.
        ours: A CoordConv renderer, which provides the painter and the loss on the point.
    """
    assert isinstance(finder.model, DeconvNet)
    assert isinstance(ours.model, CoordConvRenderer)
    painter = ours.model.model_dump(include=set(PainterOptions.model_fields))
    network = finder.model.model_dump(exclude={"kind"})
    point_loss = ours.training.point_loss
    return ExperimentSpec(
        task="rendering",
        data=finder.data,
        model=DeconvRenderer(**network, **painter),
        training=finder.training.model_copy(update={"point_loss": point_loss}),
    )
