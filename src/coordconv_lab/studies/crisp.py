"""The study of crisp rendering: black backgrounds, white squares, and where they come from."""

from coordconv_lab.recipes import tuned
from coordconv_lab.specs import (
    CoordConvRenderer,
    DeconvNet,
    DeconvRenderer,
    ExperimentSpec,
    PainterOptions,
)
from coordconv_lab.studies.rows import SPLITS
from coordconv_lab.studies.study import Study, over_seeds

AIDED = "deconv with the same aids"


def crisp() -> Study:
    """Our renderer, the deconv network, and the deconv network with the aids of ours.

    The aids are a loss on the point, a softmax over the pixels with its scales, and one convolution
    that stamps the square. Either point finder is trained as the recipe trains it to classify.
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
        "Which networks paint a white square on a black background where none was in training?",
        arms,
    )


def with_aids(finder: ExperimentSpec, ours: ExperimentSpec) -> ExperimentSpec:
    """A deconv network that finds the point, followed by the painter of a CoordConv renderer.

    Args:
        finder: A deconv classifier; its network and its training are kept.
        ours: A CoordConv renderer, whose painter and loss on the point are added.
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
