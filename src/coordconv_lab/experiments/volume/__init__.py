"""Volume: which side, and which tissue, is in the middle of a crop of a head?"""

from coordconv_lab.experiments.volume.descriptor import PLUGIN

__all__ = ["PLUGIN"]
