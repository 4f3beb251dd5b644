"""Claims: what the sources say, each with a test over records and its verdict."""

from coordconv_lab.claims.claim import Claim, Finding, NotYet, Verdict
from coordconv_lab.claims.ledger import Entry, ledger

__all__ = ["Claim", "Entry", "Finding", "NotYet", "Verdict", "ledger"]
