"""Settings of networks that classify crops."""

from typing import Literal

from coordconv_lab.specs.base import FrozenSpec, Size

Told = Literal["nothing", "crop", "true", "shuffled"]
"""The coordinates that a network sees: "nothing"; those relative to the "crop"; the "true" ones; or
"shuffled" ones, which belong to another crop.
"""

FAMILIES = {"nothing": "conv", "crop": "crop", "true": "coordconv", "shuffled": "shuffled"}

TOLD = {family: told for told, family in FAMILIES.items()}


class CropNetSpec(FrozenSpec):
    """Three convolutions with stride 2 and batch normalization; the first may see coordinates."""

    told: Told = "true"
    """The coordinates that the network sees: nothing; those relative to the crop; the true ones; or
    shuffled ones, which belong to another crop."""

    width: Size = 8
    """Channels of the first convolution."""

    @property
    def family(self) -> str:
        """The name in tables, which depends on the coordinates."""
        return FAMILIES[self.told]
