"""The questions of the study `digits`: does it help to see where a digit is?"""

from coordconv_lab.claims.usefulness import Direction, Question


def _question(title: str, row: str, score: str, *, outcome: Direction) -> Question:
    return Question(
        title=title,
        score=score,
        quantity={"mean_iou": "mean IoU"}.get(score, score),
        outcome=outcome,
        unit="seeds",
        study="digits",
        plain=(f"{row}, conv",),
        told=(f"{row}, coordconv",),
        null=(f"{row}, shuffled",),
    )


CLASSIFICATION = _question(
    "classification, digits anywhere", "classification, uniform", "accuracy", outcome="hurts"
)
UNSEEN_PLACES = _question(
    "classification, positions without training digits",
    "classification, quadrant",
    "accuracy",
    outcome="hurts",
)
RELATIVE_BOXES = _question(
    "boxes relative to anchors", "relative boxes", "mean_iou", outcome="no difference"
)
ABSOLUTE_BOXES = _question("absolute boxes", "absolute boxes", "mean_iou", outcome="helps")

QUESTIONS = (ABSOLUTE_BOXES, RELATIVE_BOXES, CLASSIFICATION, UNSEEN_PLACES)


def questions() -> tuple[Question, ...]:
    """Return the questions about digits."""
    return QUESTIONS
