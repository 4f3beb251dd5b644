"""Volume: which side of the head, and which tissue, is at the center of a crop?"""

from coordconv_lab.experiments.volume.descriptor import PLUGIN

__all__ = ["PLUGIN"]
