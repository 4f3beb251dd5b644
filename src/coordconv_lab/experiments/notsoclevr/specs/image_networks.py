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
    """Channels of the painter's convolutions, except the last, which has a single channel."""

    painter_kernel: Annotated[int, Field(ge=1, le=15)] = 3
    """Kernel size of the painter's convolutions."""

    painter_input_scale: Positive = 1.0
    """Factor by which the softmax is multiplied at the input of the painter."""

    painter_logit_scale: Positive = 1.0
    """Factor that multiplies the logits of the point, before the softmax, and the logits of the
    pixels. With a large factor, small weights and biases can give probabilities near 0 and 1. The
    loss on the point uses the logits without this factor.
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
    """Width of the network. The first layers have 64 times as many channels, the last 32 times."""

    kernel: Literal[2, 3, 4] = 2
    """Kernel size of the transposed convolutions."""

    batch_norm: BatchNorm = False
    input_scale: PointScale = "unit"
    initialisation: InitialWeights = "glorot"


class DeconvNet(DeconvOptions, NetworkSpec):
    """The deconv network, which outputs the logits of the point or of the square."""

    kind: Literal["deconv"] = "deconv"

    @property
    def family(self) -> str:
        """The family of the network."""
        return "deconv"


class DeconvRenderer(DeconvOptions, PainterOptions, NetworkSpec):
    """The deconv network as a classifier, followed by the painter of CoordConvRenderer."""

    kind: Literal["deconv-renderer"] = "deconv-renderer"

    @property
    def family(self) -> str:
        """The family of the network."""
        return "deconv"


class SquareAutoencoder(NetworkSpec):
    """An autoencoder for images of a square, with a short code, two encoders and two decoders.

    The encoder "conv" halves the image four times, and ends with two linear layers. The encoder
    "coordconv" applies pointwise convolutions to the image and the coordinates, and takes the
    maximum. The decoder "deconv" is the deconv network of rendering. The decoder "broadcast" tiles
    the code over the canvas and appends coordinates (Watters et al. 2019, arXiv:1901.07017).
    """

    kind: Literal["square-autoencoder"] = "square-autoencoder"
    code: Size = 8
    """Length of the code."""

    width: Size = 32
    """Channels of the encoder."""

    encoder: Annotated[Literal["conv", "coordconv"], Field(title="{} encoder")] = "conv"
    """conv uses strided convolutions. coordconv uses pointwise convolutions with coordinates."""

    decoder: Annotated[Literal["deconv", "broadcast"], Field(title="{} decoder")] = "deconv"
    """deconv uses transposed convolutions. broadcast gives code and coordinates to each pixel."""

    initialisation: InitialWeights = "glorot"

    @property
    def family(self) -> str:
        """The family of the network, which depends on its decoder."""
        return "coordconv" if self.decoder == "broadcast" else "deconv"
