"""The ledger: every claim with its verdict on the available records."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from coordconv_lab.claims.claim import Claim, Entry, Finding
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.recordings import Recordings
from coordconv_lab.errors import DamagedError, InputError, in_short
from coordconv_lab.registry import registry, resolve

_LARGE = 1e38
"""A little less than the largest float32, the dtype of predictions."""


def claims(ids: Sequence[str] = ()) -> list[Claim]:
    """Return the claims of all experiments, or only the claims with the given ids.

    Raises:
        InputError: An id does not exist, or two claims have the same id.
    """
    references = [one.claims for one in registry().experiments.values() if one.claims]
    every = [claim for reference in references for claim in resolve(reference)()]
    known = {claim.id: claim for claim in every}
    if len(known) < len(every):
        twice = next(claim.id for claim in every if known[claim.id] is not claim)
        raise InputError(f"there are two claims with the id {twice!r}; rename one")
    for id in ids:
        if id not in known:
            near = get_close_matches(id, known)
            hint = f"did you mean {' or '.join(near)}?" if near else "coordconv claims lists them"
            raise InputError(f"there is no claim {in_short(id)}; {hint}")
    return [claim for claim in every if not ids or claim.id in ids]


def ledger(results: Path, damaged: list[str] | None = None, ids: Sequence[str] = ()) -> list[Entry]:
    """Test claims on the records under a directory of results.

    Args:
        results: The directory.
        damaged: Collects a description of every unusable file; their runs count as missing.
        ids: The ids of the claims to test; all claims if empty.

    Raises:
        DamagedError: A file exists but cannot be used, and ``damaged`` is None.
        InputError: A claim with such an id does not exist.
    """
    evidence = Evidence(Recordings(results))
    entries = [_entry(claim, evidence) for claim in claims(ids)]
    found = list(dict.fromkeys(evidence.damaged))
    if damaged is None and found:
        raise DamagedError(" | ".join(found))
    if damaged is not None:
        damaged += found
    return entries


def ledger_if_any(results: Path, damaged: list[str] | None = None) -> list[Entry]:
    """Return the ledger, or an empty one if the directory has no relevant record.

    Args:
        results: The directory.
        damaged: As in `ledger`.

    Raises:
        DamagedError: As in `ledger`.
    """
    entries = ledger(results, damaged)
    return entries if any(entry.finding.n for entry in entries) else []


def _entry(claim: Claim, evidence: Evidence) -> Entry:
    evidence.used.clear()
    try:
        finding = claim.test(evidence)
        again = "" if claim.replication is None else claim.replication(evidence)
    except NotYet as missing:
        finding = Finding("not yet", 0, "", condition=f"missing: {missing}")
    # Unusual records can break the test of one claim; test the other claims anyway.
    except (ArithmeticError, KeyError, ValueError) as error:
        finding = _no_finding(claim, evidence, f"{type(error).__name__}: {error}")
    else:
        if finding.verdict == "partly" and not finding.condition:
            finding = _no_finding(claim, evidence, "it holds partly, but has no condition")
        elif again:
            finding = finding._replace(
                condition="; ".join(filter(None, (finding.condition, again)))
            )
        numbers = (finding.effect or 0.0, *(finding.interval or ()), *finding.values)
        if not all(abs(number) < _LARGE for number in numbers):
            finding = _no_finding(claim, evidence, "a result is not finite")
    return Entry(claim, finding, tuple(evidence.used.values()))


def _no_finding(claim: Claim, evidence: Evidence, why: str) -> Finding:
    """Report that a claim cannot be tested, and which of its records have unusual scores."""
    odd = sorted(
        f"{path}/record.json"
        for used in evidence.used.values()
        for path, record in used.runs
        if not all(value < _LARGE for side in record.scores.values() for value in side.values())
    )
    said = f"cannot be tested on its records ({why})"
    named = f"; scores beyond {_LARGE:g} are in {', '.join(odd[:3])}" if odd else ""
    evidence.damaged.append(f"the claim {claim.id} {said}{named}")
    return Finding("not yet", 0, "", condition=said)
