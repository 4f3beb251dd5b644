"""Which squares on which canvas, and which of them are held out."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from coordconv_lab.specs.base import FrozenSpec, Size

SplitName = Literal["uniform", "quadrant"]
SplitVariant = Literal["default", "tutorial", "paper", "walsvid"]

# The smallest seed whose uniform split puts the tutorial's six pictured uniform examples on the
# tutorial's sides (three in training, three in test), so that its gallery can be shown honestly.
GALLERY_SPLIT_SEED = 215


class DataSpec(FrozenSpec):
    """Not-so-Clevr: one square on a canvas, at every position where it fits.

    Attributes:
        held_out: "test" trains on all training positions and scores the test positions too.
            "validation" is for choosing settings: the test positions are not part of the data at
            all, and part of the training positions is held out in their place.
        train_share: Train on this share of all positions, drawn from the training side; None is the
            whole side. The other training positions are not part of the data.
    """

    canvas: tuple[Size, Size] = (64, 64)
    square: Size = 9
    split: SplitName = "uniform"
    split_variant: SplitVariant = "default"
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = GALLERY_SPLIT_SEED
    held_out: Literal["test", "validation"] = "test"
    train_share: Annotated[float, Field(gt=0, lt=1)] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every position is part of the data."""
        return self.held_out == "test" and self.train_share is None

    @model_validator(mode="after")
    def _square_fits(self) -> Self:
        if self.square > min(self.canvas):
            raise ValueError(
                f"a {self.square} x {self.square} square does not fit on a canvas of height "
                f"{self.canvas[0]} and width {self.canvas[1]}; take a larger canvas or a smaller "
                "square"
            )
        if min(side - self.square for side in self.canvas) < 1:
            raise ValueError(
                "the square fits at one position only along an axis, so there is nothing to "
                "split; take a larger canvas or a smaller square"
            )
        return self
