"""Not-so-Clevr: where on the canvas is the square?

This is the experiment of Liu et al. 2018 (arXiv:1807.03247), "the paper", and of Ashwin D'Cruz's
"Coord Conv Tutorial", "the tutorial".
"""

from coordconv_lab.experiments.notsoclevr.descriptor import PLUGIN

__all__ = ["PLUGIN"]
