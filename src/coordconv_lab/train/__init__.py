"""The only place that trains: a spec goes in, a record comes out."""

from coordconv_lab.train.experiment import run
from coordconv_lab.train.progress import Progress, SilentProgress

__all__ = ["Progress", "SilentProgress", "run"]
