"""Brains: which region and which side does a patch of a silhouette show?"""

from coordconv_lab.experiments.brains.descriptor import PLUGIN

__all__ = ["PLUGIN"]
