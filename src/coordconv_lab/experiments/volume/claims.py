"""Claims about the volume, over heads. Their rules were fixed before the runs."""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.usefulness import claim_of
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
        "Coordinates in millimeters improve the accuracy of the side of a crop by 0.1 or more, in "
        "new deformations of a symmetric head",
        SIDE,
        "helps",
        least=0.1,
    ),
    claim_of(
        "a-crop-of-a-head-needs-its-place",
        "Coordinates in the crop itself do not help to tell its side",
        SIDE_CROP,
        "no difference",
        "hurts",
    ),
    claim_of(
        "millimeters-tell-sides-of-moved-heads",
        "Coordinates in millimeters still help to tell the side of a crop if the head is 20 to "
        "40 mm away from where those of training are",
        SIDE_MOVED,
        "helps",
    ),
    claim_of(
        "tissue-needs-no-position",
        "Coordinates in millimeters make no difference to naming the tissue in the middle of a "
        "crop",
        TISSUE,
        "no difference",
    ),
    claim_of(
        "tissue-needs-no-place-in-the-crop",
        "Coordinates in the crop itself make no difference to naming the tissue in its middle",
        TISSUE_CROP,
        "no difference",
    ),
    claim_of(
        "tissue-of-moved-heads",
        "Coordinates in millimeters do not help to name the tissue of heads that are 20 to 40 mm "
        "away from where those of training are",
        TISSUE_MOVED,
        "no difference",
        "hurts",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about the volume."""
    return list(_CLAIMS)
