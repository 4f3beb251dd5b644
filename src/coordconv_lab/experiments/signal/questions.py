"""The questions of the study `signal`: does it help to know the time of day?"""

from coordconv_lab.claims.usefulness import Direction, Question
from coordconv_lab.experiments.signal.source import FOLDS


def _question(title: str, row: str, model: str = "coordconv", *, outcome: Direction) -> Question:
    return Question(
        title=title,
        score="accuracy",
        quantity="accuracy",
        outcome=outcome,
        unit="people",
        study="signal",
        plain=tuple(f"{row}, {fold}, conv" for fold in FOLDS),
        told=tuple(f"{row}, {fold}, {model}" for fold in FOLDS),
        null=tuple(f"{row}, {fold}, shuffled" for fold in FOLDS) if model == "coordconv" else (),
    )


LATER = _question("active six hours later, time of day", "later", outcome="helps")
LATER_CROP = _question(
    "active six hours later, coordinates relative to the crop",
    "later",
    "crop",
    outcome="no difference",
)
STILL = _question("15 minutes without movement, time of day", "still", outcome="no difference")
STILL_CROP = _question(
    "15 minutes without movement, coordinates relative to the crop",
    "still",
    "crop",
    outcome="no difference",
)

QUESTIONS = (LATER, LATER_CROP, STILL, STILL_CROP)


def questions() -> tuple[Question, ...]:
    """Return the questions about signals."""
    return QUESTIONS
