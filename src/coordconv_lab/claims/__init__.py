"""Claims of the sources, each with a test on records and its verdict.

The ledger itself is in `coordconv_lab.claims.ledger`: it loads the statistics, which take a second.
"""

from coordconv_lab.claims.claim import Claim, Entry, Finding, NotYet, Verdict

__all__ = ["Claim", "Entry", "Finding", "NotYet", "Verdict"]
