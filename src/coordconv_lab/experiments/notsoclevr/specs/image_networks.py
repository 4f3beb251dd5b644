"""Networks whose outputs are images: classifiers, renderers and autoencoders."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.experiments.notsoclevr.specs.shared_settings import (
    BatchNorm,
    CoordinateOptions,
    InitialWeights,
    PixelWidths,
    PointScale,
)
from coordconv_lab.specs.base import FrozenSpec, NetworkSpec, Positive, Size


class CoordConvClassifier(CoordinateOptions, NetworkSpec):
    """Tile the point, append coordinates, apply 1 x 1 convolutions (the paper's figure S1)."""

    kind: Literal["coordconv-classifier"] = "coordconv-classifier"
    widths: PixelWidths = (32, 32, 64, 64)
    batch_norm: BatchNorm = False
    input_scale: PointScale = "unit"
    initialisation: InitialWeights = "glorot"


class PainterOptions(FrozenSpec):
    """The second half of a renderer: convolutions from a softmax over pixels to the square."""

    painter_widths: Annotated[tuple[Size, ...], Field(max_length=64)] = (8, 8, 16, 16)
    """Channels of the painter's convolutions; the last convolution has a single channel."""

    painter_kernel: Annotated[int, Field(ge=1, le=15)] = 3
    """Kernel size of the painter's convolutions."""

    painter_input_scale: Positive = 1.0
    """Factor by which the softmax is multiplied at the input of the painter."""

    painter_logit_scale: Positive = 1.0
    """Factor by which the logits of the point, before the softmax, and the logits of the pixels are
    multiplied, so that small weights and biases can give probabilities near 0 and 1. The loss on
    the point uses unscaled logits.
    """


class CoordConvRenderer(CoordinateOptions, PainterOptions, NetworkSpec):
    """A classifier, a softmax over the pixels, then convolutions that paint the square."""

    kind: Literal["coordconv-renderer"] = "coordconv-renderer"
    widths: PixelWidths = (32, 32, 64, 64)
    batch_norm: BatchNorm = False
    input_scale: PointScale = "unit"
    initialisation: InitialWeights = "glorot"


class DeconvOptions(FrozenSpec):
    """Six transposed convolutions of stride 2, from the point to a 64 x 64 image."""

    width: Size = 2
    """Width of the network: 64 times as many channels in its first layers, 32 times in the last."""

    kernel: Literal[2, 3, 4] = 2
    """Kernel size of the transposed convolutions."""

    batch_norm: BatchNorm = False
    input_scale: PointScale = "unit"
    initialisation: InitialWeights = "glorot"


class DeconvNet(DeconvOptions, NetworkSpec):
    """The deconv network, whose output is the logits of the point or of the square."""

    kind: Literal["deconv"] = "deconv"

    @property
    def family(self) -> str:
        """The family of the network."""
        return "deconv"


class DeconvRenderer(DeconvOptions, PainterOptions, NetworkSpec):
    """The deconv network as a classifier, then the softmax and the painter of CoordConvRenderer."""

    kind: Literal["deconv-renderer"] = "deconv-renderer"

    @property
    def family(self) -> str:
        """The family of the network."""
        return "deconv"


class SquareAutoencoder(NetworkSpec):
    """An autoencoder for images of a square, with a short code.

    One encoder halves the image four times and ends in two linear layers. The other applies
    pointwise convolutions to the image and the coordinates, and takes the maximum. One decoder is
    the deconv network of rendering. The other tiles the code over the canvas and appends
    coordinates (Watters et al. 2019, arXiv:1901.07017).
    """

    kind: Literal["square-autoencoder"] = "square-autoencoder"
    code: Size = 8
    """Length of the code."""

    width: Size = 32
    """Channels of the encoder."""

    encoder: Annotated[Literal["conv", "coordconv"], Field(title="{} encoder")] = "conv"
    """Encoder: strided convolutions, or pointwise convolutions with coordinates."""

    decoder: Annotated[Literal["deconv", "broadcast"], Field(title="{} decoder")] = "deconv"
    """Decoder: transposed convolutions, or the code at every pixel with coordinates."""

    initialisation: InitialWeights = "glorot"

    @property
    def family(self) -> str:
        """The family of its decoder."""
        return "coordconv" if self.decoder == "broadcast" else "deconv"
