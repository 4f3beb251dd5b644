"""The questions of the study `volume`: does it help to know where in the scanner a crop is?"""

from coordconv_lab.claims.usefulness import Direction, Question


def _question(title: str, row: str, model: str = "coordconv", *, outcome: Direction) -> Question:
    has_null = model == "coordconv" and not row.endswith("moved")
    return Question(
        title=title,
        score="accuracy",
        quantity="accuracy",
        outcome=outcome,
        unit="heads",
        study="volume",
        plain=(f"{row}, conv",),
        told=(f"{row}, {model}",),
        null=(f"{row}, shuffled",) if has_null else (),
    )


SIDE = _question("side of a symmetric head, millimeters", "side", outcome="helps")
SIDE_CROP = _question(
    "side of a symmetric head, coordinates relative to the crop", "side", "crop", outcome="hurts"
)
SIDE_MOVED = _question(
    "side, heads moved in the scanner, millimeters", "side, moved", outcome="helps"
)
TISSUE = _question("tissue at the center of a crop, millimeters", "tissue", outcome="no difference")
TISSUE_CROP = _question(
    "tissue, coordinates relative to the crop", "tissue", "crop", outcome="no difference"
)
TISSUE_MOVED = _question(
    "tissue, heads moved in the scanner, millimeters", "tissue, moved", outcome="no difference"
)

QUESTIONS = (SIDE, SIDE_CROP, SIDE_MOVED, TISSUE, TISSUE_CROP, TISSUE_MOVED)


def questions() -> tuple[Question, ...]:
    """Return the questions about volumes."""
    return QUESTIONS
