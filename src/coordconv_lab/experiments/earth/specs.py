"""Settings of networks for maps of the earth."""

from typing import Literal

from coordconv_lab.specs.base import FrozenSpec, Size

Told = Literal["nothing", "crop", "latitude", "both", "sphere", "shuffled"]
"""Which coordinates a network sees: none, those in the crop itself, the latitude, latitude and
longitude, the point on the unit sphere, or latitude and longitude of another crop."""

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
    """The coordinates that the network sees: nothing, those in the crop, the latitude, latitude and
    longitude (both), the point on the unit sphere, or shuffled ones of another crop."""

    width: Size = 16
    """Channels of the convolutions."""

    @property
    def family(self) -> str:
        """Name in tables, by the coordinates."""
        return FAMILIES[self.told]
