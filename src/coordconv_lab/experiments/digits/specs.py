"""Settings of the data and the networks for scattered digits."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.specs.base import DatasetSpec, FrozenSpec, NetworkSpec, Size

Told = Literal["nothing", "true", "shuffled"]
"""Coordinates of a network: none, the true ones, or those of other pixels, which are shuffled for
every batch and have the same number of parameters as the true ones.
"""

FAMILIES = {"nothing": "conv", "true": "coordconv", "shuffled": "shuffled"}


class DigitsSpec(DatasetSpec):
    """Canvases of 64 x 64 pixels with digits whose height and width are 15 to 25 pixels.

    The digits of held-out canvases are never in training.
    """

    split: Literal["uniform", "quadrant"] = "uniform"
    """uniform places digits anywhere; with quadrant, the center of every held-out digit is in the
    lower right quadrant, and that of no training digit is.
    """

    scene: Literal["one", "five"] = "one"
    """one has a single digit, completely visible; five places five digits on 120 x 120 pixels and
    cuts out the center as in the paper's code, so that at least one digit matches an anchor.
    """

    train: Annotated[int, Field(ge=10, le=100_000)] = 1500
    """Number of training canvases."""

    test: Annotated[int, Field(ge=10, le=100_000)] = 500
    """Number of held-out canvases."""

    held_out: Literal["test", "validation"] = "test"
    """validation replaces the test digits by some of the training digits, for choosing settings."""

    canvas_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the canvases."""

    @property
    def is_complete(self) -> bool:
        """Whether the test digits are held out."""
        return self.held_out == "test"

    @property
    def in_words(self) -> str:
        """The name of the data in messages."""
        return "canvases of 64 x 64 pixels"


class DigitNetSpec(FrozenSpec):
    """Settings of both networks."""

    told: Told = "true"
    """The coordinates that the network sees: nothing, the true ones, or shuffled ones."""

    width: Size = 8
    """Channels of the first convolution."""

    @property
    def family(self) -> str:
        """Name in tables, by the coordinates."""
        return FAMILIES[self.told]


class DigitClassifierSpec(DigitNetSpec, NetworkSpec):
    """Three convolutions with batch normalization, global average pooling and a linear layer."""

    kind: Literal["digit-classifier"] = "digit-classifier"


class DigitProposalsSpec(DigitNetSpec, NetworkSpec):
    """A region-proposal network with nine anchors per pixel of its feature map."""

    kind: Literal["digit-proposals"] = "digit-proposals"
    boxes: Literal["relative", "absolute"] = "relative"
    """relative boxes are offsets from their anchor, as in the paper; absolute boxes are offsets
    from a single box in the center of the canvas.
    """
