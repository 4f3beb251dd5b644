"""What a claim is: a statement, its source and the function that tests it."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from coordconv_lab.claims.evidence import Evidence, NotYet, Used

__all__ = ["CLAIMS", "Claim", "Entry", "Finding", "Kind", "NotYet", "Used", "Verdict", "claim"]

Verdict = Literal["reproduced", "partly", "not reproduced", "undecided", "not yet"]

Kind = Literal["tutorial", "paper", "others", "ours"]
"""Who makes a claim: the tutorial, the paper, other people, or this project."""


class Finding(NamedTuple):
    """What a test came to.

    Attributes:
        verdict: Whether the statement held.
        n: How many runs, or pairs of runs, of one arm say so; zero for a theorem.
        measure: What `effect` is, in words, with what is counted.
        effect: One number, or None where the finding is a theorem.
        interval: The 95% interval of the effect, or None.
        condition: When it holds, what differs, or what follows; never empty where it holds partly.
        values: What `effect` is the mean of, where they are too few for an interval.
        held: Where `effect` is a share, in how many of the `n` it held.
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
        """Measure, effect, interval and n in one line; empty where nothing was measured."""
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
    """Three digits that count, and no more zeros than they need; only what is 1 reads 1."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return f"{value:.6g}" if float(text) == 1 != value else text


class Claim(NamedTuple):
    """A statement that can be tested.

    Attributes:
        id: Its short name.
        statement: What is claimed, in our words.
        source: Who claims it, and where.
        kind: Who claims it, for counting.
        test: From the records to a finding; raises NotYet where records are missing.
        theorem: The test that checks it, as pytest names it, for what follows from the arithmetic.
    """

    id: str
    statement: str
    source: str
    kind: Kind
    test: Callable[[Evidence], Finding]
    theorem: str | None = None


class Entry(NamedTuple):
    """A claim, what its test came to, and the runs that it was tested on."""

    claim: Claim
    finding: Finding
    used: Sequence[Used] = ()

    @property
    def is_measured(self) -> bool:
        """Whether records say it, or are missing to say it; else it is a theorem."""
        return self.finding.n > 0 or self.claim.theorem is None

    @property
    def records(self) -> list[str]:
        """Study and run of everything that it was tested on, in order of name."""
        return sorted(
            {f"{path.parent.name}/{path.name}" for used in self.used for path, _ in used.runs}
        )

    def as_json(self) -> dict[str, object]:
        """The entry as plain values."""
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
"""Every claim by its id, once the files that hold them are imported."""


def claim(
    id: str, statement: str, source: str, kind: Kind, theorem: str | None = None
) -> Callable[[Callable[[Evidence], Finding]], Callable[[Evidence], Finding]]:
    """Enter a function into the ledger as the test of a claim."""

    def enter(test: Callable[[Evidence], Finding]) -> Callable[[Evidence], Finding]:
        if id in CLAIMS:
            raise ValueError(f"there are two claims {id!r}")
        CLAIMS[id] = Claim(id, statement, source, kind, test, theorem)
        return test

    return enter
