"""Claims about climate, tested over sectors of longitude. Rules were fixed before the runs."""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.question_claims import claim_of
from coordconv_lab.experiments.climate.questions import (
    CROP_KNOWN,
    LATITUDE_KNOWN,
    LATITUDE_NEW,
    SPHERE_FITS,
    SPHERE_TRANSFERS,
)

_CLAIMS = (
    claim_of(
        "latitude-tells-temperature",
        "Latitude helps to predict temperature from elevation and a land mask, at longitudes that "
        "are in the training set",
        LATITUDE_KNOWN,
        "helps",
    ),
    claim_of(
        "latitude-transfers",
        "Latitude also helps at longitudes that are not in the training set",
        LATITUDE_NEW,
        "helps",
    ),
    claim_of(
        "a-crop-needs-its-place",
        "Coordinates relative to the crop do not help to predict temperature",
        CROP_KNOWN,
        "no difference",
        "hurts",
    ),
    claim_of(
        "more-coordinates-fit-better",
        "At longitudes that are in the training set, the position on the unit sphere predicts "
        "temperature better than latitude does",
        SPHERE_FITS,
        "helps",
    ),
    claim_of(
        "more-coordinates-transfer-worse",
        "At longitudes that are not in the training set, the position on the unit sphere predicts "
        "temperature worse than latitude does",
        SPHERE_TRANSFERS,
        "hurts",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about climate."""
    return list(_CLAIMS)
