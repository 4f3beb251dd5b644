"""Claims about scattered digits. Their rules were fixed before the runs.

The paper reports that coordinates improve the IoU of its detector by 24%. Only one claim judges
that figure, with several optimizers; the others are about the tasks with one optimizer.
"""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.question_claims import claim_of
from coordconv_lab.experiments.digits.detector_gain import DETECTOR_GAIN
from coordconv_lab.experiments.digits.questions import (
    ABSOLUTE_BOXES,
    CLASSIFICATION,
    RELATIVE_BOXES,
    UNSEEN_PLACES,
)

_CLAIMS = (
    claim_of(
        "digit-boxes-improve",
        "Coordinates improve the boxes that a small region-proposal network predicts for scattered "
        "digits, relative to anchors as in the paper's code",
        RELATIVE_BOXES,
        "helps",
    ),
    DETECTOR_GAIN,
    claim_of(
        "absolute-boxes-need-position",
        "If a network predicts absolute boxes, coordinates improve the IoU by at least 0.1",
        ABSOLUTE_BOXES,
        "helps",
        least=0.1,
    ),
    claim_of(
        "digits-need-no-position",
        "Coordinates do not help to classify a digit that can be anywhere",
        CLASSIFICATION,
        "no difference",
        "hurts",
    ),
    claim_of(
        "coordinates-hurt-at-unseen-places",
        "Coordinates hurt the classification of digits at positions without training digits",
        UNSEEN_PLACES,
        "hurts",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about digits."""
    return list(_CLAIMS)
