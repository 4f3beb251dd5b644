"""Settings of the data and the network for climate."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.experiments.earth.specs import EarthNetSpec
from coordconv_lab.specs.base import DatasetSpec, NetworkSpec


class ClimateSpec(DatasetSpec):
    """Crops of 16 x 16 pixels from a map of the earth with one pixel per 1.5 degrees."""

    split: Literal["known", "first", "second", "third"] = "known"
    """known holds out a random third of all squares of 12 x 12 degrees. first, second and third
    each hold out two opposite sectors of 60 degrees of longitude."""

    held_out: Literal["test", "validation"] = "test"
    """test holds out the pixels of the split. validation is for choosing settings: it omits these
    pixels, and holds out a third of the other squares instead.
    """

    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed for drawing the squares."""

    @property
    def is_complete(self) -> bool:
        """Whether the pixels of the split are held out."""
        return self.held_out == "test"

    @property
    def in_words(self) -> str:
        """How messages refer to the data."""
        return "crops of 16 x 16 pixels"


class ClimateNetSpec(EarthNetSpec, NetworkSpec):
    """Three 3 x 3 convolutions and a 1 x 1 convolution. The first can see coordinates."""

    kind: Literal["climate-net"] = "climate-net"
