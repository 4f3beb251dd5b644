"""The number of claims by source and verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

from coordconv_lab.claims.claim import Entry, Kind, Verdict

KINDS: Mapping[Kind, str] = {
    "tutorial": "The tutorial",
    "paper": "The paper",
    "others": "Others",
    "ours": "This project",
}


class Tally(NamedTuple):
    """The claims of one source.

    Attributes:
        kind: The source.
        ids: The ids of the claims by verdict, in the order of the ledger.
        theorems: Number of claims that are theorems, which need no measurement.
    """

    kind: Kind
    ids: Mapping[Verdict, Sequence[str]]
    theorems: int

    @property
    def total(self) -> int:
        """The number of claims."""
        return sum(map(len, self.ids.values()))

    @property
    def words(self) -> str:
        """Describe the number of claims, of theorems, and of each verdict."""
        parts = ", ".join(f"{len(ids)} {verdict}" for verdict, ids in self.ids.items() if ids)
        return f"{KINDS[self.kind]}, {self.size}: {parts}"

    @property
    def size(self) -> str:
        """Describe the number of claims and of theorems."""
        claims = "1 claim" if self.total == 1 else f"{self.total} claims"
        words = {0: "", 1: ", one of them a theorem"}
        return claims + words.get(self.theorems, f", {self.theorems} of them theorems")


def tallies(entries: Sequence[Entry]) -> list[Tally]:
    """Count the claims of every source that has claims."""
    found = []
    for kind in KINDS:
        own = [entry for entry in entries if entry.claim.kind == kind]
        ids = {
            verdict: [entry.claim.id for entry in own if entry.finding.verdict == verdict]
            for verdict in get_args(Verdict)
        }
        if own:
            found.append(Tally(kind, ids, sum(not entry.is_measured for entry in own)))
    return found


def in_all(entries: Sequence[Entry]) -> str:
    """Describe the number of all claims, and of each verdict."""
    counts = Counter(entry.finding.verdict for entry in entries)
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict))
    return f"{len(entries)} claims: {verdicts}"
