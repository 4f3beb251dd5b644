"""Claims about volumes, tested over heads. Their rules were fixed before the runs."""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.question_claims import claim_of
from coordconv_lab.experiments.volume.questions import (
    SIDE,
    SIDE_CROP,
    SIDE_MOVED,
    TISSUE,
    TISSUE_CROP,
    TISSUE_MOVED,
)

_CLAIMS = (
    claim_of(
        "millimeters-tell-sides-of-a-symmetric-head",
        "In new deformations of a symmetric head, coordinates in millimeters improve the accuracy "
        "of predicting the side of a crop by at least 0.1",
        SIDE,
        "helps",
        least=0.1,
    ),
    claim_of(
        "a-crop-of-a-head-needs-its-place",
        "Coordinates relative to the crop do not help to predict its side",
        SIDE_CROP,
        "no difference",
        "hurts",
    ),
    claim_of(
        "millimeters-tell-sides-of-moved-heads",
        "Coordinates in millimeters still help to predict the side of a crop if the head is 20 to "
        "40 mm away from the heads of the training set",
        SIDE_MOVED,
        "helps",
    ),
    claim_of(
        "tissue-needs-no-position",
        "Coordinates in millimeters make no difference to predicting the tissue at the center of a "
        "crop",
        TISSUE,
        "no difference",
    ),
    claim_of(
        "tissue-needs-no-place-in-the-crop",
        "Coordinates relative to the crop make no difference to predicting the tissue at its "
        "center",
        TISSUE_CROP,
        "no difference",
    ),
    claim_of(
        "tissue-of-moved-heads",
        "Coordinates in millimeters do not help to predict the tissue if the head is 20 to 40 mm "
        "away from the heads of the training set",
        TISSUE_MOVED,
        "no difference",
        "hurts",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about volumes."""
    return list(_CLAIMS)
