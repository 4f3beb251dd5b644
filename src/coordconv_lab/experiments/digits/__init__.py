"""Scattered digits: which digit is on a canvas, and where are the digits?"""

from coordconv_lab.experiments.digits.descriptor import PLUGIN

__all__ = ["PLUGIN"]
