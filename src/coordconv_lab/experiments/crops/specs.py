"""Settings of networks that classify crops."""

from typing import Literal

from coordconv_lab.specs.base import FrozenSpec, Size

Told = Literal["nothing", "crop", "true", "shuffled"]
"""Coordinates of a network: none, relative to the crop, the true ones, or those of another crop."""

FAMILIES = {"nothing": "conv", "crop": "crop", "true": "coordconv", "shuffled": "shuffled"}

TOLD = {family: told for told, family in FAMILIES.items()}


class CropNetSpec(FrozenSpec):
    """Three convolutions with stride 2 and batch normalization; the first may see coordinates."""

    told: Told = "true"
    """The coordinates that the network sees: nothing, relative to the crop, the true ones, or
    shuffled ones of another crop."""

    width: Size = 8
    """Channels of the first convolution."""

    @property
    def family(self) -> str:
        """Name in tables, by the coordinates."""
        return FAMILIES[self.told]
