"""Networks of all tasks, with and without coordinates; `build` creates one from a spec."""

from coordconv_lab.models.build import build, count_parameters

__all__ = ["build", "count_parameters"]
