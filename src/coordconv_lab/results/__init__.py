"""Records of runs: their schema and their storage."""

from coordconv_lab.results.record import CURVE_EXAMPLES, Provenance, Record
from coordconv_lab.results.store import RunStore

__all__ = [
    "CURVE_EXAMPLES",
    "Provenance",
    "Record",
    "RunStore",
]
