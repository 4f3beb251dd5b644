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
        verdict: The verdict on the claim.
        n: Number of runs, or of pairs of runs, that were tested; zero for a theorem.
        measure: The quantity in `effect`, in words.
        effect: The measured number; None for a theorem.
        interval: The 95% interval of the effect, or None.
        condition: The conditions under which the claim holds, or other details; required for
            "partly".
        values: The individual values, if there are too few for an interval; `effect` is their mean.
        held: The number of the `n` cases in which the statement held, if `effect` is a fraction.
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
        id: Short name.
        statement: The claim, in our words.
        source: The publication that makes the claim.
        kind: The group of sources in which the claim is counted.
        test: Turns records into a finding; raises NotYet if records are missing.
        theorem: The pytest id of the test that checks the claim, if it follows from arithmetic.
        replication: Describes the result of a replication of its runs; None without a replication.
    """

    id: str
    statement: str
    source: str
    kind: Kind
    test: Callable[[Evidence], Finding]
    theorem: str | None = None
    replication: Callable[[Evidence], str] | None = None


class Entry(NamedTuple):
    """A claim, the finding, and the runs on which the claim was tested."""

    claim: Claim
    finding: Finding
    used: Sequence[Used] = ()

    @property
    def is_measured(self) -> bool:
        """Whether records decide the verdict, and not a theorem."""
        return self.claim.theorem is None

    @property
    def records(self) -> list[str]:
        """The study and the run of every record on which the claim was tested, sorted by name."""
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
"""All claims by id. Importing a module with claims adds them."""


def claim(
    id: str, statement: str, source: str, kind: Kind, theorem: str | None = None
) -> Callable[[Callable[[Evidence], Finding]], Callable[[Evidence], Finding]]:
    """Register a function in the ledger as the test of a claim."""

    def enter(test: Callable[[Evidence], Finding]) -> Callable[[Evidence], Finding]:
        if id in CLAIMS:
            raise ValueError(f"there are two claims with the id {id!r}")
        CLAIMS[id] = Claim(id, statement, source, kind, test, theorem)
        return test

    return enter
