"""The questions of the study `tiles`: which coordinates help, and does a seam in them hurt?"""

from coordconv_lab.claims.usefulness import WITH_AND_WITHOUT, Direction, Question
from coordconv_lab.experiments.tiles.specs import STRIPS
from coordconv_lab.experiments.tiles.studies import FOLDS

KNOWN = ("known",)
_NAMES = {
    "latitude": "latitude",
    "coordconv": "latitude and longitude",
    "sphere": "the unit sphere",
    "seam": "a seam inside",
    "away": "a seam opposite",
}


def _question(
    title: str,
    splits: tuple[str, ...],
    told: str,
    plain: str = "conv",
    unit: str = "sectors",
    *,
    outcome: Direction,
) -> Question:
    has_null = plain == "conv" and splits == KNOWN
    return Question(
        title=title,
        sides=WITH_AND_WITHOUT
        if plain == "conv"
        else (f"with {_NAMES[told]}", f"with {_NAMES[plain]}"),
        score="accuracy",
        quantity="accuracy",
        outcome=outcome,
        unit=unit,
        study="tiles",
        plain=tuple(f"{split}, {plain}" for split in splits),
        told=tuple(f"{split}, {told}" for split in splits),
        null=tuple(f"{split}, shuffled" for split in splits) if has_null else (),
    )


LATITUDE_KNOWN = _question("climate zones, latitude", KNOWN, "latitude", outcome="helps")
BOTH_KNOWN = _question("climate zones, latitude and longitude", KNOWN, "coordconv", outcome="helps")
SPHERE_KNOWN = _question("climate zones, unit sphere", KNOWN, "sphere", outcome="helps")
TILE_KNOWN = _question(
    "climate zones, coordinates relative to the tile", KNOWN, "crop", outcome="undecided"
)
LATITUDE_NEW = _question(
    "climate zones of new sectors, latitude", FOLDS, "latitude", outcome="helps"
)
BOTH_NEW = _question(
    "climate zones of new sectors, latitude and longitude", FOLDS, "coordconv", outcome="helps"
)
SPHERE_NEW = _question(
    "climate zones of new sectors, unit sphere", FOLDS, "sphere", outcome="helps"
)
BOTH_TRANSFERS = _question(
    "climate zones of new sectors, longitude added to latitude",
    FOLDS,
    "coordconv",
    plain="latitude",
    outcome="undecided",
)
SEAM = _question(
    "climate zones of a new strip, seam inside instead of opposite",
    tuple(STRIPS),
    "seam",
    plain="away",
    unit="strips",
    outcome="undecided",
)
SPHERE_STRIP = _question(
    "climate zones of a new strip, unit sphere instead of a seam inside",
    tuple(STRIPS),
    "sphere",
    plain="seam",
    unit="strips",
    outcome="undecided",
)

QUESTIONS = (
    LATITUDE_KNOWN,
    BOTH_KNOWN,
    SPHERE_KNOWN,
    TILE_KNOWN,
    LATITUDE_NEW,
    BOTH_NEW,
    SPHERE_NEW,
    BOTH_TRANSFERS,
    SEAM,
    SPHERE_STRIP,
)


def questions() -> tuple[Question, ...]:
    """Return the questions about tiles."""
    return QUESTIONS
