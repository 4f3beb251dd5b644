"""Climate: how warm is each pixel of a map, given its elevation and a land mask?"""

from coordconv_lab.experiments.climate.descriptor import PLUGIN

__all__ = ["PLUGIN"]
