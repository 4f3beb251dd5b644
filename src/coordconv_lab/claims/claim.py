"""A claim: a statement, its source and the function that tests it."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from coordconv_lab.claims.evidence import Evidence, NotYet, Used

__all__ = ["CLAIMS", "Claim", "Entry", "Finding", "Kind", "NotYet", "Used", "Verdict", "claim"]

Verdict = Literal["reproduced", "partly", "not reproduced", "undecided", "not yet"]

Kind = Literal["tutorial", "paper", "others", "ours"]
"""The source of a claim: the tutorial, the paper, other people, or this project."""


class Finding(NamedTuple):
    """The result of testing a claim.

    Attributes:
        verdict: Whether the statement held.
        n: Number of runs, or pairs of runs, behind it; zero for a theorem.
        measure: The quantity in `effect`, in words.
        effect: The measured number; None for a theorem.
        interval: The 95% interval of the effect, or None.
        condition: When the claim holds, what differs, or what follows; required for "partly".
        values: The individual values, if there are too few for an interval; `effect` is their mean.
        held: If `effect` is a share, the number of the `n` cases in which it held.
    """

    verdict: Verdict
    n: int
    measure: str
    effect: float | None = None
    interval: tuple[float, float] | None = None
    condition: str = ""
    values: tuple[float, ...] = ()
    held: int | None = None

    @property
    def summary(self) -> str:
        """Measure, effect, interval and n in one line; only the measure if there is no effect."""
        if self.effect is None:
            return self.measure
        interval = ""
        if self.interval is not None:
            interval = f" ({_number(self.interval[0])} to {_number(self.interval[1])})"
        if self.held is not None:
            return f"{self.measure}: {self.held} of {self.n}{interval}"
        shown = ", ".join(map(_number, self.values or (self.effect,)))
        return f"{self.measure}: {shown}{interval}, n = {self.n}"


def _number(value: float) -> str:
    """Format with three significant digits, without trailing zeros; "1" means exactly 1."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return f"{value:.6g}" if float(text) == 1 != value else text


class Claim(NamedTuple):
    """A statement that can be tested.

    Attributes:
        id: Its short name.
        statement: The claim, in our words.
        source: The publication that makes it.
        kind: The group of sources in which the claim is counted.
        test: Turns records into a finding; raises NotYet if records are missing.
        theorem: The pytest id of the test that checks the claim, if it follows from the arithmetic.
    """

    id: str
    statement: str
    source: str
    kind: Kind
    test: Callable[[Evidence], Finding]
    theorem: str | None = None


class Entry(NamedTuple):
    """A claim, its finding, and the runs on which it was tested."""

    claim: Claim
    finding: Finding
    used: Sequence[Used] = ()

    @property
    def is_measured(self) -> bool:
        """Whether it is tested on records, which may be missing; otherwise it is a theorem."""
        return self.finding.n > 0 or self.claim.theorem is None

    @property
    def records(self) -> list[str]:
        """The study and run of every record on which it was tested, sorted by name."""
        return sorted(
            {f"{path.parent.name}/{path.name}" for used in self.used for path, _ in used.runs}
        )

    def as_json(self) -> dict[str, object]:
        """Return the entry as plain values."""
        return {
            "id": self.claim.id,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "kind": self.claim.kind,
            "theorem": self.claim.theorem,
            **self.finding._asdict(),
            "records": self.records,
        }


CLAIMS: dict[str, Claim] = {}
"""Every claim by its id, once the modules that define them are imported."""


def claim(
    id: str, statement: str, source: str, kind: Kind, theorem: str | None = None
) -> Callable[[Callable[[Evidence], Finding]], Callable[[Evidence], Finding]]:
    """Register a function in the ledger as the test of a claim."""

    def enter(test: Callable[[Evidence], Finding]) -> Callable[[Evidence], Finding]:
        if id in CLAIMS:
            raise ValueError(f"there are two claims {id!r}")
        CLAIMS[id] = Claim(id, statement, source, kind, test, theorem)
        return test

    return enter
