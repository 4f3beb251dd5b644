"""Settings of the data: the canvas, the square and the held-out positions."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from coordconv_lab.errors import InputError
from coordconv_lab.specs.base import DatasetSpec, Size
from coordconv_lab.specs.explanation import explain

SplitName = Literal["uniform", "quadrant"]
SplitVariant = Literal["default", "tutorial", "paper", "walsvid"]

# The tutorial displays three training and three test examples of the uniform split. This is the
# smallest seed for which these examples are on the same sides, so that its gallery can be
# reproduced.
GALLERY_SPLIT_SEED = 215


class DataSpec(DatasetSpec):
    """Not-so-Clevr: one square on a canvas, at every position where it fits."""

    canvas: tuple[Size, Size] = (64, 64)
    """Height and width of the images in pixels."""

    square: Annotated[Size, Field(title="square of {} px")] = 9
    """Side length of the square in pixels."""

    split: SplitName = "uniform"
    """Which positions are held out: random ones (uniform), or those in the lower right quadrant."""

    split_variant: Annotated[SplitVariant, Field(title="{} variant")] = "default"
    """Version of the splits. default is ours, and tutorial, paper and walsvid are those of the code
    of the tutorial, of the paper, and of walsvid, another reproduction."""

    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = GALLERY_SPLIT_SEED
    """Seed of the uniform split."""

    held_out: Annotated[Literal["test", "validation"], Field(title="scored on {} positions")] = (
        "test"
    )
    """test trains on all training positions, and also scores the test positions. validation is for
    choosing settings: it omits the test positions, and holds out some training positions instead.
    """

    train_share: Annotated[
        Annotated[float, Field(gt=0, lt=1)] | None, Field(title="trained on {} of the positions")
    ] = None
    """Train on this fraction of all positions, drawn from the training positions. The other
    training positions are omitted. By default, train on all training positions.
    """

    @property
    def is_complete(self) -> bool:
        """Whether every position is part of the data, as maps and galleries require."""
        return self.held_out == "test" and self.train_share is None

    @property
    def in_words(self) -> str:
        """The size of the canvas, for messages."""
        return f"a canvas of height {self.canvas[0]} and width {self.canvas[1]}"

    @property
    def remedy(self) -> str:
        """The advice in error messages if a network cannot be used on the canvas."""
        return "use a larger canvas"

    @model_validator(mode="after")
    def _square_fits(self) -> Self:
        if self.square > min(self.canvas):
            raise ValueError(
                f"a {self.square} x {self.square} square does not fit on a canvas of height "
                f"{self.canvas[0]} and width {self.canvas[1]}; use a larger canvas or a smaller "
                "square"
            )
        if min(side - self.square for side in self.canvas) < 1:
            raise ValueError(
                "the square fits at only one position along an axis, so there is nothing to "
                "split; use a larger canvas or a smaller square"
            )
        return self


def parse_data_spec(fields: Mapping[str, Any], names: Mapping[str, str] | None = None) -> DataSpec:
    """Validate the description of a data set.

    Args:
        fields: The settings.
        names: How messages name the settings, by path, such as the names of options.

    Raises:
        InputError: The fields do not describe a data set.
    """
    try:
        return DataSpec.model_validate(dict(fields))
    except ValidationError as error:
        raise InputError(explain(error, names or {})) from error
