"""Tiles: which climate has each pixel of a satellite image of the earth?"""

from coordconv_lab.experiments.tiles.descriptor import PLUGIN

__all__ = ["PLUGIN"]
