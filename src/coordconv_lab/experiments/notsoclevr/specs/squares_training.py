"""Settings of training on Not-so-Clevr."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from coordconv_lab.specs.training import TrainingSpec


class SquaresTrainingSpec(TrainingSpec):
    """Settings of training, with those that only Not-so-Clevr has."""

    remedies: ClassVar[Mapping[str, str]] = {
        **TrainingSpec.remedies,
        "point_loss": "less point_loss",
    }

    batch_order: Annotated[Literal["seeded", "tutorial"], Field(title="{} batch order")] = "seeded"
    """seeded draws the order of each epoch from the seed of the run; tutorial uses the orders of
    the tutorial's code, which depend on the split seed of the data, so that the seed of the run
    determines only the initial weights."""

    pixel_loss: Annotated[Literal["cross_entropy", "squared"], Field(title="{} pixel loss")] = (
        "cross_entropy"
    )
    """Loss of rendering: the binary cross-entropy of every pixel, or the squared error of its
    probability."""

    point_loss: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the cross-entropy of a renderer's intermediate point."""
