"""Claims of the tutorial, the paper and others, each with a test on records and a verdict.

The ledger is in `coordconv_lab.claims.ledger`, because its statistics take a second to import.
"""

from coordconv_lab.claims.claim import Claim, Entry, Finding, NotYet, Verdict

__all__ = ["Claim", "Entry", "Finding", "NotYet", "Verdict"]
