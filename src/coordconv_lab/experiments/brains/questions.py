"""The questions of the study `brains`: does it help to know where in the brain a patch is?"""

from coordconv_lab.claims.usefulness import Direction, Question
from coordconv_lab.experiments.brains.source import FOLDS

_QUANTITIES = {"side": "the side", "region_and_side": "region and side"}


def _arms(name: str) -> tuple[str, ...]:
    return tuple(f"{fold}, {name}" for fold in FOLDS)


def _question(
    title: str, score: str, arm: str, null: tuple[str, ...] = (), *, outcome: Direction
) -> Question:
    return Question(
        title=title,
        score=score,
        quantity=f"accuracy of {_QUANTITIES[score]}",
        outcome=outcome,
        unit="people",
        study="brains",
        plain=_arms("conv"),
        told=_arms(arm),
        null=null,
    )


SIDE = _question(
    "side, coordinates in millimeters", "side", "coordconv", _arms("shuffled"), outcome="helps"
)
REGION = _question(
    "region and side, coordinates in millimeters",
    "region_and_side",
    "coordconv",
    _arms("shuffled"),
    outcome="hurts",
)
IN_THE_PATCH = _question(
    "side, coordinates relative to the patch", "side", "patch", outcome="undecided"
)
CARRIED = _question(
    "side, patches and coordinates mirrored", "side", "mirrored, carried", outcome="helps"
)
STALE = _question(
    "side, patches mirrored but not coordinates", "side", "mirrored, stale", outcome="hurts"
)

QUESTIONS = (SIDE, REGION, IN_THE_PATCH, CARRIED, STALE)


def questions() -> tuple[Question, ...]:
    """Return the questions about brains."""
    return QUESTIONS
