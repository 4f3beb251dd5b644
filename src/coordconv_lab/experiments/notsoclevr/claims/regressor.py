"""The tutorial's claims about the learning rate and training length of its regressor."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.shares import share
from coordconv_lab.claims.verdicts import across, all_of, of_share
from coordconv_lab.experiments.notsoclevr.claims.positions import (
    best_constant,
    constant_distance,
    training_distance,
)
from coordconv_lab.experiments.notsoclevr.studies.regression import COLLAPSE_RATE, RATES
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.record import Record

_SOURCE = "tutorial, section Supervised Regression"

AT_THE_MEAN = 0.9
"""A run is "at the mean" if its distance is at least this fraction of the best constant's."""

GOOD, EARLY = 0.9, 10
"""The training accuracy that counts as almost perfect, and the epochs in which to reach it."""

Course = Literal["never learned", "kept", "regained", "lost"]


class Story(NamedTuple):
    """How the training accuracy of a run developed, relative to 90%.

    Attributes:
        course: Whether the run never reached 90%, kept it, lost and regained it, or lost it.
        is_early: Whether it reached 90% within ten epochs.
        at_the_mean: Whether it ends near the constant prediction.
    """

    course: Course
    is_early: bool
    at_the_mean: bool


def story_of(run: Record, curve: Sequence[CurveRow]) -> Story:
    """Classify a run by its curve, which scores 48 points per side, and its final scores."""
    epochs = [row.epoch for row in curve if row.train_score >= GOOD]
    course = _course(run, curve, epochs)
    split = run.spec.data.split
    at_the_mean = training_distance(run) > AT_THE_MEAN * constant_distance(
        split, best_constant(split)
    )
    return Story(course, bool(epochs) and min(epochs) <= EARLY, at_the_mean)


def _course(run: Record, curve: Sequence[CurveRow], good: Sequence[float]) -> Course:
    """Return the course of a run, given the epochs at which it had at least 90%."""
    if run.train_score < GOOD:
        return "lost" if good else "never learned"
    dips = any(row.train_score < GOOD and row.epoch > min(good) for row in curve if good)
    return "regained" if dips else "kept"


def _stories(evidence: Evidence, study: str, runs: Sequence[Record]) -> list[Story]:
    return [story_of(run, evidence.curve_of(study, run.spec)) for run in runs]


_ENDS: Mapping[tuple[Course, bool], str] = {
    ("kept", False): "kept it",
    ("regained", False): "lost and regained it",
    ("lost", False): "lost it",
    ("lost", True): "fell back to the mean",
    ("never learned", False): "never reached it, did not end at the mean",
    ("never learned", True): "never reached it, ended at the mean",
}


def _told(stories: Sequence[Story]) -> str:
    """Describe how many runs reached 90% early, and how many followed each course."""
    counts = Counter((story.course, story.at_the_mean) for story in stories)
    ends = [f"{counts[end]} {words}" for end, words in _ENDS.items() if counts[end]]
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
    stuck = sum(story.course == "never learned" and story.at_the_mean for story in scaled[0])
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
        "test points, final scores all points",
        across([of_share(fell[split], len(runs)) for split, runs in high.items()]),
    )


def _as_claimed(story: Story) -> bool:
    return story.is_early and story.course == "lost" and story.at_the_mean


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
