"""Brains: which region, on which side, does a patch of a brain's silhouette show?"""

from coordconv_lab.experiments.brains.descriptor import PLUGIN

__all__ = ["PLUGIN"]
