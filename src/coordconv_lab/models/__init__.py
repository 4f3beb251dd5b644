"""The nets of the three tasks, with coordinates and without; `build` turns a spec into a module."""

from coordconv_lab.models.build import build, count_parameters

__all__ = ["build", "count_parameters"]
