"""The ledger: every claim with its verdict, from whatever records there are."""

from pathlib import Path
from typing import NamedTuple

from coordconv_lab.claims import layer, others, ours, paper, tables, tutorial
from coordconv_lab.claims.claim import CLAIMS, Claim, Finding
from coordconv_lab.claims.evidence import Evidence, NotYet

# Importing the files enters their claims; files import one another, so that their order is ours.
FILES = (layer, tables, tutorial, paper, others, ours)


class Entry(NamedTuple):
    """A claim and what its test came to."""

    claim: Claim
    finding: Finding

    def as_json(self) -> dict[str, object]:
        """The entry as plain values."""
        return {
            "id": self.claim.id,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "theorem": self.claim.theorem,
            **self.finding._asdict(),
        }


def claims() -> list[Claim]:
    """Every claim, in the order of the files that hold them."""
    names = [file.__name__ for file in FILES]
    return sorted(CLAIMS.values(), key=lambda claim: names.index(claim.test.__module__))


def ledger(results: Path) -> list[Entry]:
    """Test every claim on the records under a directory of results.

    Raises:
        InputError: A record is there, but cannot be used.
    """
    evidence = Evidence(results)
    return [Entry(claim, _tested(claim, evidence)) for claim in claims()]


def _tested(claim: Claim, evidence: Evidence) -> Finding:
    try:
        return claim.test(evidence)
    except NotYet as missing:
        return Finding("not yet", 0, "", condition=f"missing: {missing}")
