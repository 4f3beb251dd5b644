"""Studies of Not-so-Clevr: the runs behind the claims."""

from coordconv_lab.experiments.notsoclevr.studies.all_studies import STUDIES

__all__ = ["STUDIES"]
