"""Claims about signals, tested over people. Their rules were fixed before the runs."""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.question_claims import claim_of
from coordconv_lab.experiments.signal.questions import LATER, LATER_CROP, STILL, STILL_CROP

_CLAIMS = (
    claim_of(
        "time-of-day-tells-later-activity",
        "The time of day helps to predict from two hours of movement whether a new person will be "
        "active six hours later",
        LATER,
        "helps",
    ),
    claim_of(
        "a-window-needs-its-time",
        "Coordinates relative to the crop do not help to predict whether a person will be active "
        "later",
        LATER_CROP,
        "no difference",
        "hurts",
    ),
    claim_of(
        "stillness-needs-no-time",
        "The time of day makes no difference to finding 15 still minutes in a crop",
        STILL,
        "no difference",
    ),
    claim_of(
        "stillness-needs-no-place",
        "Coordinates relative to the crop make no difference to finding 15 still minutes",
        STILL_CROP,
        "no difference",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about signals."""
    return list(_CLAIMS)
