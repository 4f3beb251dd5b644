"""Settings of the data and the networks for scattered digits."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.specs.base import DatasetSpec, FrozenSpec, NetworkSpec, Size

Told = Literal["nothing", "true", "shuffled"]
"""The coordinates that a network sees.

"nothing" means none, and "true" the coordinates of each pixel. "shuffled" means the coordinates of
other pixels, in a new order for every batch. With shuffled coordinates, a network has as many
parameters as with true ones.
"""

FAMILIES = {"nothing": "conv", "true": "coordconv", "shuffled": "shuffled"}


class DigitsSpec(DatasetSpec):
    """Canvases of 64 x 64 pixels with digits whose height and width are 15 to 25 pixels.

    The digits on held-out canvases are not on any training canvas.
    """

    split: Literal["uniform", "quadrant"] = "uniform"
    """uniform places digits anywhere. quadrant places the centers of held-out digits in the lower
    right quadrant, and those of training digits outside of it.
    """

    scene: Literal["one", "five"] = "one"
    """one has a single digit, which is completely visible. five places five digits on 120 x 120
    pixels and crops the center, as in the paper's code, such that at least one digit matches an
    anchor.
    """

    train: Annotated[int, Field(ge=10, le=100_000)] = 1500
    """Number of training canvases."""

    test: Annotated[int, Field(ge=10, le=100_000)] = 500
    """Number of held-out canvases."""

    held_out: Literal["test", "validation"] = "test"
    """test holds out the test digits. validation is for choosing settings, and holds out some of
    the training digits instead.
    """

    canvas_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed for drawing the canvases."""

    @property
    def is_complete(self) -> bool:
        """Whether the test digits are held out."""
        return self.held_out == "test"

    @property
    def in_words(self) -> str:
        """How messages refer to the data."""
        return "canvases of 64 x 64 pixels"


class DigitNetSpec(FrozenSpec):
    """Settings that the classifier and the region-proposal network share."""

    told: Told = "true"
    """The coordinates that the network sees. nothing means none, true means those of each pixel,
    and shuffled means those of other pixels."""

    width: Size = 8
    """Channels of the first convolution."""

    @property
    def family(self) -> str:
        """Name of the network in tables, which depends on the coordinates that it sees."""
        return FAMILIES[self.told]


class DigitClassifierSpec(DigitNetSpec, NetworkSpec):
    """Three convolutions with batch normalization, global average pooling and a linear layer."""

    kind: Literal["digit-classifier"] = "digit-classifier"


class DigitProposalsSpec(DigitNetSpec, NetworkSpec):
    """A region-proposal network with nine anchors per pixel of its feature map."""

    kind: Literal["digit-proposals"] = "digit-proposals"
    boxes: Literal["relative", "absolute"] = "relative"
    """relative predicts boxes as offsets from their anchors, as in the paper. absolute predicts
    boxes as offsets from a single box in the center of the canvas.
    """
