"""Settings of networks for maps of the earth."""

from typing import Literal

from coordconv_lab.specs.base import FrozenSpec, Size

Told = Literal["nothing", "crop", "latitude", "both", "sphere", "shuffled"]
"""The coordinates that a network sees: "nothing"; the position within the "crop"; the "latitude";
"both" latitude and longitude; the point on the unit "sphere"; or the "shuffled" latitude and
longitude, which belong to another crop."""

FAMILIES = {
    "nothing": "conv",
    "crop": "crop",
    "latitude": "latitude",
    "both": "coordconv",
    "sphere": "sphere",
    "shuffled": "shuffled",
}

TOLD = {family: told for told, family in FAMILIES.items()}


class EarthNetSpec(FrozenSpec):
    """Three 3 x 3 convolutions and a 1 x 1 convolution; the first may see coordinates."""

    told: Told = "both"
    """The coordinates that the network sees: nothing; the position within the crop; the latitude;
    both latitude and longitude; the point on the unit sphere; or shuffled ones, the latitude and
    longitude of another crop."""

    width: Size = 16
    """Channels of the convolutions."""

    @property
    def family(self) -> str:
        """The name in tables, which depends on the coordinates."""
        return FAMILIES[self.told]
