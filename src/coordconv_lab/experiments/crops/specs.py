"""Settings of networks that classify crops."""

from typing import Literal

from coordconv_lab.specs.base import FrozenSpec, Size

Told = Literal["nothing", "crop", "true", "shuffled"]
"""The coordinates that a network sees.

"nothing" means none, "crop" coordinates relative to the crop, "true" coordinates in the full image
or signal, and "shuffled" those of another crop.
"""

FAMILIES = {"nothing": "conv", "crop": "crop", "true": "coordconv", "shuffled": "shuffled"}

TOLD = {family: told for told, family in FAMILIES.items()}


class CropNetSpec(FrozenSpec):
    """Three convolutions with stride 2 and batch normalization. The first can see coordinates."""

    told: Told = "true"
    """The coordinates that the network sees. nothing means none, crop means coordinates relative to
    the crop, true means coordinates in the full image or signal, and shuffled means the coordinates
    of another crop."""

    width: Size = 8
    """Channels of the first convolution."""

    @property
    def family(self) -> str:
        """Name of the network in tables, which depends on the coordinates that it sees."""
        return FAMILIES[self.told]
