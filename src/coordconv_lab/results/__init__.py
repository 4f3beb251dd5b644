"""Records of runs: their schema, where they are kept, and the tables made from them."""

from coordconv_lab.results.record import CURVE_EXAMPLES, PRIMARY_SCORE, Provenance, Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.results.summary import SummaryRow, summarise

__all__ = [
    "CURVE_EXAMPLES",
    "PRIMARY_SCORE",
    "Provenance",
    "Record",
    "RunStore",
    "SummaryRow",
    "summarise",
]
