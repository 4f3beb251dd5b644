"""Climate: how warm is it, given elevation and land?"""

from coordconv_lab.experiments.climate.descriptor import PLUGIN

__all__ = ["PLUGIN"]
