"""Claims about the answer to the question whether coordinates help."""

from functools import partial

from coordconv_lab.claims.claim import CLAIMS, Claim, Finding, Verdict, claim
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.question_runs import replication_runs
from coordconv_lab.claims.usefulness import (
    Direction,
    Question,
    Usefulness,
    judged,
    signed,
    usefulness,
)
from coordconv_lab.claims.verdicts import all_of


def claim_of(
    id: str,
    statement: str,
    question: Question,
    *expected: Direction,
    least: float | None = None,
) -> Claim:
    """Register a claim of this project about the answer to a question.

    Args:
        id: Short name of the claim.
        statement: The claim.
        question: The question.
        expected: The directions for which the claim holds.
        least: The smallest gain in the main score for which the claim holds. The complete interval
            must be above it; if the complete interval is below it, the claim is not reproduced.
    """

    def test(evidence: Evidence) -> Finding:
        found = usefulness(evidence, question)
        parts: list[Verdict] = [judged(found.gain.direction, expected)]
        if least is not None:
            parts.append(_of_least(found.gain.interval, least))
        return found.finding(all_of(parts))

    claim(id, statement, f"ours, study {question.study}", "ours")(test)
    CLAIMS[id] = CLAIMS[id]._replace(replication=partial(_replication, question))
    return CLAIMS[id]


def _replication(question: Question, evidence: Evidence) -> str:
    """Describe the answer of the replication, or return an empty string if it has no records."""
    runs = replication_runs([question])
    (again,) = runs.answers(runs.recorded(evidence.recordings.results, evidence.damaged))
    if not isinstance(again, Usefulness):
        return ""
    agrees = again.gain.direction == usefulness(evidence, question).gain.direction
    words = "agrees" if agrees else "disagrees"
    return f"replication with new seeds {words}: {again.gain.direction}, {signed(again.gain)}"


def _of_least(interval: tuple[float, float] | None, least: float) -> Verdict:
    """Judge "the gain is at least this" by the interval of the gain."""
    if interval is None or interval[0] < least <= interval[1]:
        return "undecided"
    return "reproduced" if interval[0] >= least else "not reproduced"
