"""Settings that several networks have, with their descriptions."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.specs.base import FrozenSpec, Positive, Size

Initialisation = Annotated[
    Literal["glorot", "he", "he_tensorflow", "torch"], Field(title="{} initialization")
]
Head = Annotated[Literal["max", "average", "sum"], Field(title="{} pooling")]
Padding = Annotated[Literal["valid", "same", "reflect", "circular"], Field(title="{} padding")]
Grid = Annotated[Literal["right", "swapped_divisors", "off_centre_radius"], Field(title="{} grid")]
"""Correct coordinates, or coordinates with one of two published faults.

"right" means correct coordinates. "swapped_divisors" divides each axis by the length of the other
axis, as the paper's listing S9 and its code do. "off_centre_radius" measures the radius from 0.5,
as the listing in the first version of the paper does.
"""

PixelWidths = Annotated[
    tuple[Size, ...],
    Field(
        min_length=1,
        max_length=64,
        description="Channels of the 1 x 1 convolutions, except the last, which has one channel.",
    ),
]
BatchNorm = Annotated[
    bool, Field(description="Use batch normalization between convolutions and activations.")
]
PointScale = Annotated[
    Literal["unit", "raw"],
    Field(
        title="{} input scale",
        description="Scale of the point at the input: unit maps the first pixel to -1 and the last "
        "to 1, like the coordinates; raw keeps pixels, like the paper's and the tutorial's code.",
    ),
]
ImageScale = Annotated[Positive, Field(description="Factor that multiplies the input image.")]
OutputScale = Annotated[
    Positive, Field(description="Factor from the outputs of the network to pixels.")
]
Pooling = Annotated[Head, Field(description="Global pooling at the end.")]
InitialWeights = Annotated[
    Initialisation,
    Field(
        description="Rule for the initial weights: glorot (uniform), he (normal), he_tensorflow "
        "(as he_normal of TensorFlow draws them), or torch for the defaults of torch.nn."
    ),
]


class CoordinateOptions(FrozenSpec):
    """Options of the coordinates at the first layer of a network."""

    coordinates: bool = True
    """Give coordinates to the first layer."""

    radius: bool = False
    """Add the distance from the center as a third coordinate."""

    grid: Grid = "right"
    """Whether the coordinates are right or have one of two published faults. swapped_divisors
    divides each axis by the length of the other axis. off_centre_radius measures the radius from
    0.5."""

    @property
    def family(self) -> str:
        """The family of the network: with or without coordinates."""
        return "coordconv" if self.coordinates else "conv"
