"""Settings of the data and the network for tiles."""

from typing import Annotated, Literal

from pydantic import Field

from coordconv_lab.experiments.earth.specs import EarthNetSpec
from coordconv_lab.specs.base import DatasetSpec, NetworkSpec

STRIPS = {
    "strip-120w": -120,
    "strip-60w": -60,
    "strip-0": 0,
    "strip-60e": 60,
    "strip-120e": 120,
    "strip-180": 180,
}
"""The longitude, in degrees east, at the center of the strip that each split holds out."""


class TilesSpec(DatasetSpec):
    """Tiles of 20 x 20 pixels of half a degree, from 80 degrees north to 60 degrees south."""

    split: Literal[
        "known",
        "first",
        "second",
        "third",
        "strip-120w",
        "strip-60w",
        "strip-0",
        "strip-60e",
        "strip-120e",
        "strip-180",
    ] = "known"
    """known holds out a random third of all tiles. first, second and third each hold out two
    opposite sectors of 60 degrees of longitude. The other splits each hold out a strip of 30
    degrees around a meridian."""

    prime_meridian: Annotated[int, Field(ge=-180, le=180)] = 0
    """The meridian, in degrees east, at which the longitude that the network sees is 0. On the
    opposite side of the earth, this longitude jumps from 180 to -180."""

    held_out: Literal["test", "validation"] = "test"
    """test holds out the tiles of the split. validation is for choosing settings: it omits these
    tiles, and holds out a third of the other tiles instead."""

    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed for the split and for the order of the tiles."""

    @property
    def is_complete(self) -> bool:
        """Whether the tiles of the split are held out."""
        return self.held_out == "test"

    @property
    def in_words(self) -> str:
        """How messages refer to the data."""
        return "tiles of 20 x 20 pixels"


class TilesNetSpec(EarthNetSpec, NetworkSpec):
    """Three 3 x 3 convolutions and a 1 x 1 convolution. The first can see coordinates."""

    kind: Literal["tiles-net"] = "tiles-net"
