"""The tutorial's claims about the learning rate and training length of its regressor."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.shares import share
from coordconv_lab.claims.verdicts import across, all_of, of_share
from coordconv_lab.experiments.notsoclevr.claims.positions import (
    ALIKE,
    best_constant,
    beyond_constant,
)
from coordconv_lab.experiments.notsoclevr.studies.regression import COLLAPSE_RATE, RATES
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.record import Record

_SOURCE = "tutorial, section Supervised Regression"

GOOD, EARLY = 0.9, 10
"""The training accuracy that counts as almost perfect, and the epochs in which to reach it."""

Course = Literal["never learned", "kept", "regained", "lost"]

Place = Literal["closer", "at the mean", "farther"]
"""Where a run ends: at the training distance of the best constant prediction, or not."""


class Story(NamedTuple):
    """How the training accuracy of a run developed, relative to 90%.

    Attributes:
        course: Whether the run never reached 90%, kept it, lost and regained it, or lost it.
        is_early: Whether it reached 90% within ten epochs.
        place: Its final training distance, relative to that of the best constant prediction.
    """

    course: Course
    is_early: bool
    place: Place


def story_of(run: Record, curve: Sequence[CurveRow]) -> Story:
    """Classify a run by its curve, which scores 48 points per side, and its final scores."""
    epochs = [row.epoch for row in curve if row.train_score >= GOOD]
    course = _course(run, curve, epochs)
    return Story(course, bool(epochs) and min(epochs) <= EARLY, _place(run))


def _place(run: Record) -> Place:
    beyond = beyond_constant(run, best_constant(run.spec.data.split))
    if abs(beyond) < ALIKE:
        return "at the mean"
    return "farther" if beyond > 0 else "closer"


def _course(run: Record, curve: Sequence[CurveRow], good: Sequence[float]) -> Course:
    """Return the course of a run, given the epochs at which it had at least 90%."""
    if run.train_score < GOOD:
        return "lost" if good else "never learned"
    dips = any(row.train_score < GOOD and row.epoch > min(good) for row in curve if good)
    return "regained" if dips else "kept"


def _stories(evidence: Evidence, study: str, runs: Sequence[Record]) -> list[Story]:
    return [story_of(run, evidence.curve_of(study, run.spec)) for run in runs]


_COURSES: Mapping[Course, str] = {
    "kept": "kept it",
    "regained": "lost and regained it",
    "lost": "lost it",
    "never learned": "never reached it",
}
_PLACES: Mapping[Place, str] = {
    "closer": "",
    "at the mean": " and ended at the mean",
    "farther": " and ended farther away than the mean",
}


def _told(stories: Sequence[Story]) -> str:
    """Describe how many runs reached 90% early, and how many followed each course."""
    counts = Counter((story.course, story.place) for story in stories)
    ends = [
        f"{counts[course, place]} {words}{_PLACES[place]}"
        for course, words in _COURSES.items()
        for place in _PLACES
        if counts[course, place]
    ]
    early = sum(story.is_early for story in stories)
    return f"{early} of {len(stories)} reached 90% within {EARLY} epochs ({' / '.join(ends)})"


@claim(
    "low-rate-stuck",
    "At a learning rate of 1e-4, the regressor keeps predicting the mean; at 1e-3 and 1e-2 it does "
    "not",
    _SOURCE,
    "tutorial",
)
def low_rate_stuck(evidence: Evidence) -> Finding:
    """Test the claim with the tutorial's input factor of 1000; also report runs without it."""

    def told(scale: int, rate: float) -> list[Story]:
        arm = f"input times {scale}, rate {rate:g}"
        return _stories(evidence, "scale-and-rate", evidence.runs("scale-and-rate", arm))

    scaled, plain = ([told(scale, rate) for rate in RATES] for scale in (1000, 1))
    stuck = sum(
        story.course == "never learned" and story.place == "at the mean" for story in scaled[0]
    )
    got_out = [sum(story.course != "never learned" for story in stories) for stories in scaled[1:]]
    listed = "; ".join(
        f"input times {scale}, {rate:g}: {_told(stories)}"
        for scale, by_rate in ((1000, scaled), (1, plain))
        for rate, stories in zip(RATES, by_rate, strict=True)
    )
    return share(
        stuck,
        len(scaled[0]),
        "runs at 1e-4 that never reach 90% and end at the mean, uniform split",
        listed,
        all_of(
            [
                of_share(stuck, len(scaled[0])),
                *(of_share(out, len(runs)) for out, runs in zip(got_out, scaled[1:], strict=True)),
            ]
        ),
    )


@claim(
    "long-training-collapses",
    "At a high learning rate, the regressor is almost perfect within 5 to 10 epochs and falls back "
    "to the mean if training continues",
    _SOURCE,
    "tutorial",
)
def long_training_collapses(evidence: Evidence) -> Finding:
    """Test 1e-2, the higher of the two learning rates in the tutorial, and report 1e-3."""
    slow = {
        split: _stories(evidence, "long-training", runs)
        for split, runs in evidence.arms("long-training", at_least=3).items()
    }
    study, high = at_the_high_rate(evidence)
    stories = {split: _stories(evidence, study, runs) for split, runs in high.items()}
    fell = {split: sum(map(_as_claimed, told)) for split, told in stories.items()}
    listed = "; ".join(
        f"{rate}, {split}: {_told(told)}"
        for rate, by_split in ((f"{COLLAPSE_RATE:g}", stories), ("0.001", slow))
        for split, told in by_split.items()
    )
    return share(
        sum(fell.values()),
        sum(map(len, high.values())),
        f"runs that do so at a learning rate of {COLLAPSE_RATE:g}, {' and '.join(high)} split",
        f"{listed}; {_epochs(high)} epochs at {COLLAPSE_RATE:g}; curves score 48 training and 48 "
        "test points, final scores all points; a run ends at the mean if its mean training "
        f"distance is within {ALIKE:g} px of that of the best constant",
        across([of_share(fell[split], len(runs)) for split, runs in high.items()]),
    )


def _as_claimed(story: Story) -> bool:
    return story.is_early and story.course == "lost" and story.place == "at the mean"


def at_the_high_rate(evidence: Evidence) -> tuple[str, Mapping[str, Sequence[Record]]]:
    """Return the runs of the study `collapse` if it has five per split, otherwise shorter runs.

    Returns:
        The study and its runs by split.

    Raises:
        NotYet: Neither study has enough runs.
    """
    try:
        return "collapse", evidence.arms("collapse", at_least=5)
    except NotYet:
        arm = f"input times 1000, rate {COLLAPSE_RATE:g}"
        return "scale-and-rate", {"uniform": evidence.runs("scale-and-rate", arm)}


def _epochs(arms: Mapping[str, Sequence[Record]]) -> int:
    return max(run.spec.training.epochs for runs in arms.values() for run in runs)
