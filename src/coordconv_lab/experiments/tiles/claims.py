"""Claims about tiles, tested over sectors and strips. Rules were fixed before the runs."""

from coordconv_lab.claims.claim import Claim
from coordconv_lab.claims.question_claims import claim_of
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
        "Latitude helps to predict the climate zone of each pixel of a satellite image if nearby "
        "tiles are in the training set",
        LATITUDE_KNOWN,
        "helps",
    ),
    claim_of(
        "a-tile-needs-its-place",
        "Coordinates relative to the tile do not help to predict climate zones",
        TILE_KNOWN,
        "no difference",
        "hurts",
    ),
    claim_of(
        "latitude-names-new-climates",
        "Latitude also helps to predict climate zones in sectors of longitude that are not in the "
        "training set",
        LATITUDE_NEW,
        "helps",
    ),
    claim_of(
        "longitude-misnames-new-climates",
        "In sectors that are not in the training set, adding longitude to latitude makes the "
        "predictions worse",
        BOTH_TRANSFERS,
        "hurts",
    ),
    claim_of(
        "the-seam-hurts",
        "In a strip that is not in the training set, predictions are worse if longitude jumps from "
        "180 to -180 degrees inside the strip than if it jumps on the opposite side of the earth",
        SEAM,
        "hurts",
    ),
    claim_of(
        "the-sphere-has-no-seam",
        "In a strip in which longitude jumps, the position on the unit sphere predicts climate "
        "zones better than latitude and longitude do",
        SPHERE_STRIP,
        "helps",
    ),
)


def claims() -> list[Claim]:
    """Return the claims about tiles."""
    return list(_CLAIMS)
