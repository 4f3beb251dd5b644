"""Claims about brains, tested over people. Their rules were fixed before the runs."""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.question_claims import claim_of
from coordconv_lab.experiments.brains.questions import (
    CARRIED,
    IN_THE_PATCH,
    REGION,
    SIDE,
    STALE,
)

_CLAIMS = (
    claim_of(
        "millimeters-tell-sides",
        "Coordinates in millimeters help to predict which side of the brain a patch is from, in "
        "people who are not in the training set",
        SIDE,
        "helps",
    ),
    claim_of(
        "millimeters-tell-regions",
        "Coordinates in millimeters help to predict the region and the side of a patch, in people "
        "who are not in the training set",
        REGION,
        "helps",
    ),
    claim_of(
        "a-patch-needs-its-place",
        "Coordinates relative to the patch do not help to predict its side",
        IN_THE_PATCH,
        "no difference",
        "hurts",
    ),
    claim_of(
        "mirroring-keeps-carried-coordinates",
        "If training mirrors patches and their coordinates together, coordinates still help to "
        "predict the side, compared with training without coordinates or mirroring",
        CARRIED,
        "helps",
    ),
    claim_of(
        "stale-coordinates-hurt",
        "If training mirrors patches but not their coordinates, coordinates hurt, compared with "
        "training without coordinates or mirroring",
        STALE,
        "hurts",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about brains."""
    return list(_CLAIMS)
