"""Claims about the signal, over people. Their rules were fixed before the runs."""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.usefulness import claim_of
from coordconv_lab.experiments.signal.questions import LATER, LATER_CROP, STILL, STILL_CROP

_CLAIMS = (
    claim_of(
        "time-of-day-tells-later-activity",
        "The time of the day helps to tell from two hours of movements whether a new person will "
        "be active six hours later",
        LATER,
        "helps",
    ),
    claim_of(
        "a-window-needs-its-time",
        "Coordinates in the crop itself do not help to tell whether a person will be active later",
        LATER_CROP,
        "no difference",
        "hurts",
    ),
    claim_of(
        "stillness-needs-no-time",
        "The time of the day makes no difference to finding 15 still minutes in a crop",
        STILL,
        "no difference",
    ),
    claim_of(
        "stillness-needs-no-place",
        "Coordinates in the crop itself make no difference to finding 15 still minutes",
        STILL_CROP,
        "no difference",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about the signal."""
    return list(_CLAIMS)
