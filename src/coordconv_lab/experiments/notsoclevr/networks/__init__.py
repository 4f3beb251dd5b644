"""Networks for all tasks, with and without coordinates. `build` creates a network from a spec."""

from coordconv_lab.experiments.notsoclevr.networks.build import build
from coordconv_lab.parts import count_parameters

__all__ = ["build", "count_parameters"]
