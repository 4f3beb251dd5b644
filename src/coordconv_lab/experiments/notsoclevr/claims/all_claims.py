"""All claims about Not-so-Clevr, in the order of their files."""

from coordconv_lab.claims.claim import CLAIMS, Claim
from coordconv_lab.experiments.notsoclevr.claims import (
    causes,
    layer,
    others,
    ours,
    paper,
    pooling,
    questions,
    regressor,
    tables,
    tutorial,
)

# Importing a file registers its claims. Files also import one another, so sort explicitly.
FILES = (layer, tables, pooling, regressor, tutorial, paper, others, ours, questions, causes)


def claims() -> list[Claim]:
    """Return every claim."""
    files = [file.__name__ for file in FILES]
    entered = [claim for claim in CLAIMS.values() if claim.test.__module__ in files]
    return sorted(entered, key=lambda claim: files.index(claim.test.__module__))
