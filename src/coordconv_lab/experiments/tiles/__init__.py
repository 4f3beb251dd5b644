"""Tiles: which climate zone is each pixel of a satellite image in?"""

from coordconv_lab.experiments.tiles.descriptor import PLUGIN

__all__ = ["PLUGIN"]
