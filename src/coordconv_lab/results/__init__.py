"""Records, which hold the scores, cost and provenance of finished runs: schema and storage."""

from coordconv_lab.results.record import CURVE_EXAMPLES, Provenance, Record
from coordconv_lab.results.store import RunStore

__all__ = [
    "CURVE_EXAMPLES",
    "Provenance",
    "Record",
    "RunStore",
]
