"""Studies: the experiments behind the claims, each as named arms of specs."""

from coordconv_lab.studies.catalogue import STUDIES, study_named
from coordconv_lab.studies.records import recorded
from coordconv_lab.studies.study import Study

__all__ = ["STUDIES", "Study", "recorded", "study_named"]
