"""The nets, each with its options."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from coordconv_lab.specs.base import FrozenSpec, Positive, Size

Widths = Annotated[tuple[Size, ...], Field(max_length=64)]
Initialisation = Literal["glorot", "he", "he_tensorflow", "torch"]
InputScale = Literal["unit", "raw"]
Head = Literal["max", "average", "sum"]
Padding = Literal["valid", "same", "reflect", "circular"]
Grid = Literal["right", "swapped_divisors", "off_centre_radius"]
"""Right, or one of two published faults: each axis divided by the other's length, as in the paper's
listing S9 and its code; the radius measured from 0.5, as in the listing of its first version."""


class CoordinateOptions(FrozenSpec):
    """Which coordinates the first layer of a net sees, if any."""

    coordinates: bool = True
    radius: bool = False
    grid: Grid = "right"


class CoordConvClassifier(CoordinateOptions):
    """Tile the point, append coordinates, 1 x 1 convolutions (the paper's figure S1)."""

    kind: Literal["coordconv-classifier"] = "coordconv-classifier"
    widths: Annotated[Widths, Field(min_length=1)] = (32, 32, 64, 64)
    batch_norm: bool = False
    input_scale: InputScale = "unit"
    initialisation: Initialisation = "glorot"


class PainterOptions(FrozenSpec):
    """The second half of a renderer: convolutions from a softmax over the pixels to the square.

    Attributes:
        painter_input_scale: Multiplies the softmax.
        painter_logit_scale: Multiplies the logits of the point before the softmax, and those of the
            pixels, so that small weights and biases can be certain. The loss on the point takes its
            logits unscaled.
    """

    painter_widths: Widths = (8, 8, 16, 16)
    painter_kernel: Annotated[int, Field(ge=1, le=15)] = 3
    painter_input_scale: Positive = 1.0
    painter_logit_scale: Positive = 1.0


class CoordConvRenderer(CoordinateOptions, PainterOptions):
    """A classifier, a softmax over the pixels, then convolutions that paint the square."""

    kind: Literal["coordconv-renderer"] = "coordconv-renderer"
    widths: Annotated[Widths, Field(min_length=1)] = (32, 32, 64, 64)
    batch_norm: bool = False
    input_scale: InputScale = "unit"
    initialisation: Initialisation = "glorot"


class CoordConvRegressor(CoordinateOptions):
    """Append coordinates to the one-hot image, five convolutions, one global pooling."""

    kind: Literal["coordconv-regressor"] = "coordconv-regressor"
    width: Size = 8
    kernel: Annotated[int, Field(ge=1, le=31)] = 3
    padding: Padding = "valid"
    head: Head = "max"
    activation: Literal["none", "relu"] = "none"
    input_scale: Positive = 100.0
    output_scale: Positive = 1.0
    initialisation: Initialisation = "glorot"


class DeconvOptions(FrozenSpec):
    """Six transposed convolutions of stride 2, from the point to a 64 x 64 picture."""

    width: Size = 2
    kernel: Literal[2, 3, 4] = 2
    batch_norm: bool = False
    input_scale: InputScale = "unit"
    initialisation: Initialisation = "glorot"


class DeconvNet(DeconvOptions):
    """The deconv network, whose map holds the logits of the point or of the square."""

    kind: Literal["deconv"] = "deconv"


class DeconvRenderer(DeconvOptions, PainterOptions):
    """The deconv network as a classifier, then the softmax and the painter of CoordConvRenderer."""

    kind: Literal["deconv-renderer"] = "deconv-renderer"


class ConvFlatRegressor(FrozenSpec):
    """Four 3 x 3 convolutions with max-pooling, then two linear layers (uniform split)."""

    kind: Literal["conv-flat-regressor"] = "conv-flat-regressor"
    width: Size = 16
    hidden: Size = 64
    padding: Literal["valid", "same"] = "same"
    pool_stride: Literal[1, 2] = 2
    input_scale: Positive = 1.0
    output_scale: Positive = 64.0
    initialisation: Initialisation = "he"


class ConvPooledRegressor(FrozenSpec):
    """Nine convolutions, most of stride 2, then a global pooling (quadrant split).

    "valid" is the tutorial's version: without padding, an eighth convolution of 2 x 2 leaves one
    pixel and ends the net. With "batch", batch normalization takes its statistics from the batch at
    test too, from batches of training and test points mixed; with "batch_of_a_side", as in the
    tutorial's code, no batch mixes them. Of the two normalisations "after" puts both behind
    their activation, as the tutorial has them, "first_after" the first one alone, as the paper.
    """

    kind: Literal["conv-pooled-regressor"] = "conv-pooled-regressor"
    width: Size = 16
    coordinates: bool = False
    padding: Literal["valid", "same"] = "same"
    batch_norm: bool = True
    normalise: Literal["before", "after", "first_after"] = "before"
    epsilon: Positive = 1e-5
    statistics: Literal["running", "batch", "batch_of_a_side"] = "running"
    last_activation: Literal["none", "relu"] = "relu"
    head: Head = "average"
    input_scale: Positive = 1.0
    output_scale: Positive = 64.0
    initialisation: Initialisation = "he"


class MLPRegressor(FrozenSpec):
    """A perceptron of three layers over all pixels, without any weight sharing."""

    kind: Literal["mlp-regressor"] = "mlp-regressor"
    width: Size = 64
    input_scale: Positive = 1.0
    output_scale: Positive = 64.0
    initialisation: Initialisation = "he"


class TransformerRegressor(FrozenSpec):
    """A small vision transformer whose tokens get positions added, or none."""

    kind: Literal["transformer-regressor"] = "transformer-regressor"
    positions: Literal["none", "sinusoidal", "learned"] = "sinusoidal"
    patch: Annotated[int, Field(ge=1, le=64)] = 8
    width: Annotated[int, Field(ge=4, le=1024, multiple_of=4)] = 32
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    depth: Annotated[int, Field(ge=1, le=64)] = 2
    input_scale: Positive = 1.0
    output_scale: Positive = 64.0
    initialisation: Literal["torch"] = "torch"

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"the width must be a multiple of the heads; got {self.width} and {self.heads}"
            )
        return self


class HandBuiltClassifier(FrozenSpec):
    """The answer written into two dozen weights by formula, for any canvas; never trained."""

    kind: Literal["hand-built-classifier"] = "hand-built-classifier"


class HandBuiltRegressor(FrozenSpec):
    """Piekniewski's net ("Autopsy of a deep learning paper", 2018), for any canvas."""

    kind: Literal["hand-built-regressor"] = "hand-built-regressor"


class HandBuiltRenderer(FrozenSpec):
    """The square written into the weights by formula, for any canvas; never trained."""

    kind: Literal["hand-built-renderer"] = "hand-built-renderer"
    square: Size = 9


class SquareAutoencoder(FrozenSpec):
    """From the image of a square to a short code and back.

    The encoder halves the image four times and ends in two linear layers, or sees every pixel with
    its coordinates and takes the maximum; the decoder is the deconv net of rendering, or the code
    tiled over the canvas with coordinates (Watters et al. 2019, arXiv:1901.07017).
    """

    kind: Literal["square-autoencoder"] = "square-autoencoder"
    code: Size = 8
    width: Size = 32
    encoder: Literal["conv", "coordconv"] = "conv"
    decoder: Literal["deconv", "broadcast"] = "deconv"
    initialisation: Initialisation = "glorot"


ModelSpec = Annotated[
    CoordConvClassifier
    | CoordConvRenderer
    | CoordConvRegressor
    | DeconvNet
    | DeconvRenderer
    | ConvFlatRegressor
    | ConvPooledRegressor
    | MLPRegressor
    | TransformerRegressor
    | HandBuiltClassifier
    | HandBuiltRegressor
    | HandBuiltRenderer
    | SquareAutoencoder,
    Field(discriminator="kind"),
]
