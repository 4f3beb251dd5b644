"""The study of crisp rendering: black backgrounds, white squares, and where they come from."""

from coordconv_lab.recipes import tuned
from coordconv_lab.specs import CoordConvRenderer, DeconvNet, DeconvRenderer, ExperimentSpec
from coordconv_lab.studies.rows import SPLITS
from coordconv_lab.studies.study import Study, over_seeds

AIDED = "deconv with the same aids"


def crisp() -> Study:
    """Our renderer, the deconv network, and the deconv network with the aids of ours.

    The aids are a loss on the point, a softmax over the pixels with its scales, and one convolution
    that stamps the square.
    """
    arms: dict[str, list[ExperimentSpec]] = {}
    for split in SPLITS:
        ours, plain = (tuned("rendering", split, model) for model in ("coordconv", "deconv"))
        arms[f"{split}, coordconv"] = over_seeds(ours, 20)
        arms[f"{split}, {AIDED}"] = over_seeds(with_aids(plain, ours), 3)
        arms[f"{split}, deconv"] = over_seeds(plain, 3)
    return Study(
        "crisp",
        "Which networks paint a white square on a black background where none was in training?",
        arms,
    )


def with_aids(plain: ExperimentSpec, ours: ExperimentSpec) -> ExperimentSpec:
    """The deconv renderer as a point finder, followed by the painter of another renderer.

    Args:
        plain: A deconv renderer; its network and its training are kept.
        ours: A CoordConv renderer, whose painter and loss on the point are added.
    """
    assert isinstance(plain.model, DeconvNet)
    assert isinstance(ours.model, CoordConvRenderer)
    painter = {
        name: value for name, value in ours.model.model_dump().items() if name.startswith("painter")
    }
    network = plain.model.model_dump(exclude={"kind"})
    training = plain.training.model_copy(update={"point_loss": ours.training.point_loss})
    return plain.model_copy(
        update={"model": DeconvRenderer(**network, **painter), "training": training}
    )
