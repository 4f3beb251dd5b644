"""The only place that trains: a spec goes in, a record comes out."""

from coordconv_lab.train.progress import Progress, SilentProgress
from coordconv_lab.train.run import run

__all__ = ["Progress", "SilentProgress", "run"]
