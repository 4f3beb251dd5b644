"""Brains: which region of a brain, and which side, does a patch of its silhouette show?"""

from coordconv_lab.experiments.brains.descriptor import PLUGIN

__all__ = ["PLUGIN"]
