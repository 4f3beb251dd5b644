"""Volume: which side of the head is a crop from, and which tissue is at its center?"""

from coordconv_lab.experiments.volume.descriptor import PLUGIN

__all__ = ["PLUGIN"]
