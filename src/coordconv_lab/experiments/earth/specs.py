"""Settings of networks for maps of the earth."""

from typing import Literal

from coordconv_lab.specs.base import FrozenSpec, Size

Told = Literal["nothing", "crop", "latitude", "both", "sphere", "shuffled"]
"""The coordinates that a network sees.

"nothing" means none, "crop" the position within the crop, "latitude" the latitude, "both" latitude
and longitude, "sphere" the point on the unit sphere, and "shuffled" the latitude and longitude of
another crop.
"""

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
    """Three 3 x 3 convolutions and a 1 x 1 convolution. The first can see coordinates."""

    told: Told = "both"
    """The coordinates that the network sees. nothing means none, crop means the position within the
    crop, latitude means the latitude, both means latitude and longitude, sphere means the point on
    the unit sphere, and shuffled means the latitude and longitude of another crop."""

    width: Size = 16
    """Channels of the convolutions."""

    @property
    def family(self) -> str:
        """Name of the network in tables, which depends on the coordinates that it sees."""
        return FAMILIES[self.told]
