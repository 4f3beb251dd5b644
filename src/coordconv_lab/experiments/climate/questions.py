"""The questions of the study `climate`: which coordinates help, at known and new longitudes?"""

from coordconv_lab.claims.usefulness import WITH_AND_WITHOUT, Direction, Question

KNOWN = ("known",)
FOLDS = ("first", "second", "third")


_NAMES = {"coordconv": "latitude and longitude", "sphere": "the unit sphere"}


def _question(
    title: str, splits: tuple[str, ...], told: str, plain: str = "conv", *, outcome: Direction
) -> Question:
    has_null = plain == "conv" and splits == KNOWN
    return Question(
        title=title,
        sides=WITH_AND_WITHOUT if plain == "conv" else (f"with {_NAMES[told]}", f"with {plain}"),
        score="closeness",
        outcome=outcome,
        unit="sectors",
        study="climate",
        plain=tuple(f"{split}, {plain}" for split in splits),
        told=tuple(f"{split}, {told}" for split in splits),
        null=tuple(f"{split}, shuffled" for split in splits) if has_null else (),
    )


LATITUDE_KNOWN = _question("temperature, latitude", KNOWN, "latitude", outcome="helps")
BOTH_KNOWN = _question("temperature, latitude and longitude", KNOWN, "coordconv", outcome="helps")
CROP_KNOWN = _question(
    "temperature, coordinates relative to the crop", KNOWN, "crop", outcome="no difference"
)
SPHERE_FITS = _question(
    "temperature, unit sphere instead of latitude",
    KNOWN,
    "sphere",
    plain="latitude",
    outcome="no difference",
)
LATITUDE_NEW = _question(
    "temperature at new longitudes, latitude", FOLDS, "latitude", outcome="helps"
)
BOTH_NEW = _question(
    "temperature at new longitudes, latitude and longitude", FOLDS, "coordconv", outcome="helps"
)
BOTH_TRANSFERS = _question(
    "temperature at new longitudes, longitude added to latitude",
    FOLDS,
    "coordconv",
    plain="latitude",
    outcome="hurts",
)
SPHERE_TRANSFERS = _question(
    "temperature at new longitudes, unit sphere instead of latitude",
    FOLDS,
    "sphere",
    plain="latitude",
    outcome="hurts",
)

QUESTIONS = (
    LATITUDE_KNOWN,
    BOTH_KNOWN,
    CROP_KNOWN,
    SPHERE_FITS,
    LATITUDE_NEW,
    BOTH_NEW,
    BOTH_TRANSFERS,
    SPHERE_TRANSFERS,
)


def questions() -> tuple[Question, ...]:
    """Return the questions about climate."""
    return QUESTIONS
