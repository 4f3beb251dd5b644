"""Settings of the networks that predict the point of a one-hot image."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from coordconv_lab.experiments.notsoclevr.specs.shared_settings import (
    CoordinateOptions,
    ImageScale,
    InitialWeights,
    OutputScale,
    Padding,
    Pooling,
)
from coordconv_lab.specs.base import NetworkSpec, Positive, Size


class CoordConvRegressor(CoordinateOptions, NetworkSpec):
    """Append coordinates to the one-hot image, apply five convolutions and a global pooling."""

    kind: Literal["coordconv-regressor"] = "coordconv-regressor"
    width: Size = 8
    """Channels of the convolutions."""

    kernel: Annotated[int, Field(ge=1, le=31)] = 3
    """Kernel size of the last two convolutions. The other convolutions are 1 x 1."""

    padding: Padding = "valid"
    """Padding of the convolutions: valid means no padding, same means zero padding."""

    head: Pooling = "max"
    activation: Literal["none", "relu"] = "none"
    """Activation between the convolutions."""

    input_scale: ImageScale = 100.0
    output_scale: OutputScale = 1.0
    initialisation: InitialWeights = "glorot"


class ConvFlatRegressor(NetworkSpec):
    """Four 3 x 3 convolutions with max-pooling, then two linear layers (uniform split)."""

    kind: Literal["conv-flat-regressor"] = "conv-flat-regressor"
    width: Size = 16
    """Channels of the convolutions."""

    hidden: Size = 64
    """Outputs of the first linear layer."""

    padding: Annotated[Literal["valid", "same"], Field(title="{} padding")] = "same"
    """Padding of the convolutions: valid means no padding, same means zero padding."""

    pool_stride: Literal[1, 2] = 2
    """Stride of the max pooling."""

    input_scale: ImageScale = 1.0
    output_scale: OutputScale = 64.0
    initialisation: InitialWeights = "he"

    @property
    def family(self) -> str:
        """The family of the network."""
        return "conv"


class ConvPooledRegressor(NetworkSpec):
    """Nine convolutions, most of stride 2, then a global pooling (quadrant split)."""

    kind: Literal["conv-pooled-regressor"] = "conv-pooled-regressor"
    width: Size = 16
    """Channels of the convolutions."""

    coordinates: bool = False
    """Give coordinates to the convolutions named in coordinate_layers."""

    coordinate_layers: Annotated[
        Literal["first", "middle", "last", "all"], Field(title="coordinate layers: {}")
    ] = "first"
    """Convolutions with coordinates: the first, the fifth (middle), the last, or all of them."""

    padding: Annotated[Literal["valid", "same"], Field(title="{} padding")] = "same"
    """Padding of the convolutions. same means zero padding. valid is the version of the tutorial,
    which has no padding and ends with an eighth convolution of 2 x 2, which leaves one pixel."""

    batch_norm: bool = True
    """Use batch normalization after two of the convolutions."""

    normalise: Literal["before", "after", "first_after"] = "before"
    """Position of batch normalization: before each activation, or after it, as in the tutorial.
    first_after is as in the paper, where only the first batch normalization is after its
    activation."""

    epsilon: Positive = 1e-5
    """Number that is added to the variance in batch normalization."""

    statistics: Annotated[
        Literal["running", "batch", "batch_of_a_side"], Field(title="{} statistics")
    ] = "running"
    """Statistics that batch normalization uses in an evaluation. running means running averages.
    batch means those of batches that mix training and test points. batch_of_a_side means those of
    batches that do not mix them, as in the tutorial's code."""

    last_activation: Literal["none", "relu"] = "relu"
    """Activation before the global pooling."""

    head: Pooling = "average"
    input_scale: ImageScale = 1.0
    output_scale: OutputScale = 64.0
    initialisation: InitialWeights = "he"

    @model_validator(mode="after")
    def _layers_have_coordinates(self) -> Self:
        if self.coordinate_layers != "first" and not self.coordinates:
            raise ValueError(
                f"coordinate_layers={self.coordinate_layers!r} needs coordinates=True; "
                "got coordinates=False"
            )
        return self

    @property
    def batch_statistics(self) -> Literal["running", "batch", "batch_of_a_side"]:
        """The value of `statistics`."""
        return self.statistics

    @property
    def family(self) -> str:
        """The family of the network: with or without coordinates."""
        return "coordconv" if self.coordinates else "conv"


class MLPRegressor(NetworkSpec):
    """A perceptron with three layers, which has separate weights for every pixel."""

    kind: Literal["mlp-regressor"] = "mlp-regressor"
    width: Size = 64
    """Outputs of the hidden layers."""

    input_scale: ImageScale = 1.0
    output_scale: OutputScale = 64.0
    initialisation: InitialWeights = "he"

    @property
    def family(self) -> str:
        """The family of the network."""
        return "mlp"


class TransformerRegressor(NetworkSpec):
    """A small vision transformer, with or without position embeddings."""

    kind: Literal["transformer-regressor"] = "transformer-regressor"
    positions: Annotated[Literal["none", "sinusoidal", "learned"], Field(title="{} positions")] = (
        "sinusoidal"
    )
    """Position embeddings that are added to the tokens."""

    patch: Annotated[int, Field(ge=1, le=64)] = 8
    """Side length of the patches in pixels. Each patch is a token."""

    width: Annotated[int, Field(ge=4, le=1024, multiple_of=4)] = 32
    """Size of a token, a multiple of the number of heads."""

    heads: Annotated[int, Field(ge=1, le=64)] = 4
    """Attention heads."""

    depth: Annotated[int, Field(ge=1, le=64)] = 2
    """Layers of the encoder."""

    input_scale: ImageScale = 1.0
    output_scale: OutputScale = 64.0
    initialisation: Annotated[Literal["torch"], Field(title="{} initialization")] = "torch"
    """Rule for the initial weights."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                "the width must be a multiple of the number of heads; got a width of "
                f"{self.width} and {self.heads} heads"
            )
        return self

    @property
    def family(self) -> str:
        """The family of the network."""
        return "transformer"
