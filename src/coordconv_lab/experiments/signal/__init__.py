"""Signal: has a person been still, and will they be active six hours later?"""

from coordconv_lab.experiments.signal.descriptor import PLUGIN

__all__ = ["PLUGIN"]
