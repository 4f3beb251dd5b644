"""Studies: sets of runs that test claims. An arm of a study is one named setting, with its runs."""

from coordconv_lab.studies.known import (
    known_replications,
    known_studies,
    known_sweeps,
    study_named,
)
from coordconv_lab.studies.records import recorded
from coordconv_lab.studies.study import Study

__all__ = [
    "Study",
    "known_replications",
    "known_studies",
    "known_sweeps",
    "recorded",
    "study_named",
]
