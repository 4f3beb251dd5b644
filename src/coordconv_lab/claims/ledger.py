"""The ledger: every claim with its verdict, from whatever records there are."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from coordconv_lab.claims import (
    causes,
    layer,
    others,
    ours,
    paper,
    pooling,
    regressor,
    tables,
    tutorial,
)
from coordconv_lab.claims.claim import CLAIMS, Claim, Entry, Finding
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.recordings import Recordings
from coordconv_lab.errors import DamagedError, InputError, in_short

# Importing the files enters their claims; files import one another, so that their order is ours.
FILES = (layer, tables, pooling, regressor, tutorial, paper, others, ours, causes)

_LARGE = 1e38
"""About the largest number of float32, in which networks predict."""


def claims(ids: Sequence[str] = ()) -> list[Claim]:
    """Every claim, in the order of the files that hold them, or only those of some ids.

    Raises:
        InputError: There is no claim of such an id.
    """
    for id in ids:
        if id not in CLAIMS:
            near = get_close_matches(id, CLAIMS)
            hint = f"did you mean {' or '.join(near)}?" if near else "coordconv claims lists them"
            raise InputError(f"there is no claim {in_short(id)}; {hint}")
    files = [file.__name__ for file in FILES]
    chosen = [claim for claim in CLAIMS.values() if not ids or claim.id in ids]
    return sorted(chosen, key=lambda claim: files.index(claim.test.__module__))


def ledger(results: Path, damaged: list[str] | None = None, ids: Sequence[str] = ()) -> list[Entry]:
    """Test claims on the records under a directory of results.

    Args:
        results: The directory.
        damaged: Where to note files that cannot be used, in words; their runs count as missing.
        ids: Of the claims; none for every claim.

    Raises:
        DamagedError: A file is there, but cannot be used, and it is not to be noted.
        InputError: There is no claim of such an id.
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
    """The ledger, or nothing where the directory holds no record that any claim needs.

    Args:
        results: The directory.
        damaged: As in `ledger`.

    Raises:
        DamagedError: As `ledger`.
    """
    entries = ledger(results, damaged)
    return entries if any(entry.finding.n for entry in entries) else []


def _entry(claim: Claim, evidence: Evidence) -> Entry:
    evidence.used.clear()
    try:
        finding = claim.test(evidence)
    except NotYet as missing:
        finding = Finding("not yet", 0, "", condition=f"missing: {missing}")
    # Records can hold what no test of a claim was written for; the other claims remain.
    except (ArithmeticError, KeyError, ValueError) as error:
        finding = _no_finding(claim, evidence, f"{type(error).__name__}: {error}")
    else:
        if finding.verdict == "partly" and not finding.condition:
            finding = _no_finding(claim, evidence, "it holds partly and does not say when")
        numbers = (finding.effect or 0.0, *(finding.interval or ()), *finding.values)
        if not all(abs(number) < _LARGE for number in numbers):
            finding = _no_finding(claim, evidence, "a number is not finite")
    return Entry(claim, finding, tuple(evidence.used.values()))


def _no_finding(claim: Claim, evidence: Evidence, why: str) -> Finding:
    """Note that a claim cannot be worked out, and which of its records hold the odd scores."""
    odd = sorted(
        f"{path}/record.json"
        for used in evidence.used.values()
        for path, record in used.runs
        if not all(value < _LARGE for side in record.scores.values() for value in side.values())
    )
    said = f"cannot be worked out from its records ({why})"
    named = f"; scores beyond {_LARGE:g} are in {', '.join(odd[:3])}" if odd else ""
    evidence.damaged.append(f"the claim {claim.id} {said}{named}")
    return Finding("not yet", 0, "", condition=said)
