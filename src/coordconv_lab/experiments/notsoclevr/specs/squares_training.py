"""Settings of training on Not-so-Clevr."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from coordconv_lab.specs.training import TrainingSpec


class SquaresTrainingSpec(TrainingSpec):
    """Settings of training, including those that only Not-so-Clevr has."""

    remedies: ClassVar[Mapping[str, str]] = {
        **TrainingSpec.remedies,
        "point_loss": "less point_loss",
    }

    batch_order: Annotated[Literal["seeded", "tutorial"], Field(title="{} batch order")] = "seeded"
    """Order of the examples in each epoch. seeded draws it with the seed of the run. tutorial uses
    the order of the tutorial's code, which depends on the split seed of the data. The seed of the
    run then only determines the initial weights."""

    pixel_loss: Annotated[Literal["cross_entropy", "squared"], Field(title="{} pixel loss")] = (
        "cross_entropy"
    )
    """Loss of rendering. cross_entropy is the binary cross-entropy of every pixel. squared is the
    squared error of every pixel's probability."""

    point_loss: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the loss on the point that a renderer predicts before it paints the square."""

    loss_window: Annotated[
        Annotated[int, Field(ge=1, le=10**4)] | None, Field(title="loss on windows of {} pixels")
    ] = None
    """Side of a window around the point, in pixels. If set, a classifier of single pixels computes
    in each step only the pixels of this window and as many random pixels, from which the softmax
    over all pixels is estimated."""
