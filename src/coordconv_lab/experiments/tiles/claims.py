"""Claims about tiles, over sectors and strips. Their rules were fixed before the runs."""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.usefulness import claim_of
from coordconv_lab.experiments.tiles.questions import (
    BOTH_TRANSFERS,
    LATITUDE_KNOWN,
    LATITUDE_NEW,
    SEAM,
    SPHERE_STRIP,
    TILE_KNOWN,
)

_CLAIMS = (
    claim_of(
        "latitude-tells-climate-zones",
        "Latitude helps to name the climate of each pixel of a satellite image, where tiles nearby "
        "are in training",
        LATITUDE_KNOWN,
        "helps",
    ),
    claim_of(
        "a-tile-needs-its-place",
        "Coordinates in the tile itself do not help to name climates",
        TILE_KNOWN,
        "no difference",
        "hurts",
    ),
    claim_of(
        "latitude-names-new-climates",
        "Latitude also helps to name climates in sectors of longitude that were not trained on",
        LATITUDE_NEW,
        "helps",
    ),
    claim_of(
        "longitude-misnames-new-climates",
        "In sectors that were not trained on, longitude in addition to latitude makes the climates "
        "worse",
        BOTH_TRANSFERS,
        "hurts",
    ),
    claim_of(
        "the-seam-hurts",
        "Climates of a strip that was not trained on are worse if longitudes jump from 180 to -180 "
        "degrees in it than if they jump on the opposite side of the earth",
        SEAM,
        "hurts",
    ),
    claim_of(
        "the-sphere-has-no-seam",
        "In a strip in which longitudes jump, the point on the unit sphere names climates better",
        SPHERE_STRIP,
        "helps",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about tiles."""
    return list(_CLAIMS)
