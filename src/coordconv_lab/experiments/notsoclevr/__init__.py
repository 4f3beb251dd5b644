"""Not-so-Clevr: where is the square? The experiment of Liu et al. 2018 and of the tutorial."""

from coordconv_lab.experiments.notsoclevr.descriptor import PLUGIN

__all__ = ["PLUGIN"]
