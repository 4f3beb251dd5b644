"""What the tutorial observed of its regressor's learning rate and length of training."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.positions import best_constant, constant_distance, training_distance
from coordconv_lab.claims.shares import share
from coordconv_lab.claims.verdicts import across, all_of, of_share
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.record import Record
from coordconv_lab.studies.regression import COLLAPSE_RATE, RATES

_SOURCE = "tutorial, section Supervised Regression"

AT_THE_MEAN = 0.9
"""The part of the distance of the best constant from which a run is said to be at the mean."""

GOOD, EARLY = 0.9, 10
"""The training accuracy that counts as almost perfect, and the epochs within which it comes."""

Course = Literal["never learned", "kept", "regained", "lost"]


class Story(NamedTuple):
    """What became of a run.

    Attributes:
        course: Of 90% of its training points: it never had them; had them from then on; lost them
            on the way and has them at its end; or has them no more.
        is_early: Whether it had them within ten epochs.
        at_the_mean: Whether it ends at about the constant prediction.
    """

    course: Course
    is_early: bool
    at_the_mean: bool


def story_of(run: Record, curve: Sequence[CurveRow]) -> Story:
    """Tell a run by its curve and its end; the curve counts 48 points a side, the end all."""
    epochs = [row.epoch for row in curve if row.train_score >= GOOD]
    course = _course(run, curve, epochs)
    split = run.spec.data.split
    at_the_mean = training_distance(run) > AT_THE_MEAN * constant_distance(
        split, best_constant(split)
    )
    return Story(course, bool(epochs) and min(epochs) <= EARLY, at_the_mean)


def _course(run: Record, curve: Sequence[CurveRow], good: Sequence[float]) -> Course:
    """What became of 90%, from the epochs that had it."""
    if run.train_score < GOOD:
        return "lost" if good else "never learned"
    dips = any(row.train_score < GOOD and row.epoch > min(good) for row in curve if good)
    return "regained" if dips else "kept"


def _stories(evidence: Evidence, study: str, runs: Sequence[Record]) -> list[Story]:
    return [story_of(run, evidence.curve_of(study, run.spec)) for run in runs]


_ENDS: Mapping[tuple[Course, bool], str] = {
    ("kept", False): "kept from then on",
    ("regained", False): "lost and regained",
    ("lost", False): "lost at the end",
    ("lost", True): "back at the mean at the end",
    ("never learned", False): "never learned, off the mean",
    ("never learned", True): "never learned, at the mean",
}


def _told(stories: Sequence[Story]) -> str:
    """How many runs had 90% early, and how many ended in which way."""
    counts = Counter((story.course, story.at_the_mean) for story in stories)
    ends = [f"{words} {counts[end]}" for end, words in _ENDS.items() if counts[end]]
    early = sum(story.is_early for story in stories)
    return f"90% within {EARLY} epochs {early} of {len(stories)}, {', '.join(ends)}"


@claim(
    "low-rate-stuck",
    "At a learning rate of 1e-4 the regressor stays at the mean; 1e-3 and 1e-2 get out",
    _SOURCE,
    "tutorial",
)
def low_rate_stuck(evidence: Evidence) -> Finding:
    """The tutorial's input is scaled by 1000; the claim is tested with it, and shown without."""

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
        "runs at 1e-4 that never learn and end at the mean, uniform split",
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
    "At a high learning rate the regressor is almost perfect within 5 to 10 epochs and falls back "
    "to the mean when trained on",
    _SOURCE,
    "tutorial",
)
def long_training_collapses(evidence: Evidence) -> Finding:
    """At 1e-2, the higher of the two rates that it names; what happens at 1e-3 beside it."""
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
        f"runs at {COLLAPSE_RATE:g} that do, {' and '.join(high)} split",
        f"{listed}; {_epochs(high)} epochs at {COLLAPSE_RATE:g}; curves count 48 points a side, "
        "ends count all",
        across([of_share(fell[split], len(runs)) for split, runs in high.items()]),
    )


def _as_claimed(story: Story) -> bool:
    return story.is_early and story.course == "lost" and story.at_the_mean


def at_the_high_rate(evidence: Evidence) -> tuple[str, Mapping[str, Sequence[Record]]]:
    """The runs of the study made for it, once it has five a split; until then shorter ones.

    Returns:
        The study and its runs by split.

    Raises:
        NotYet: There are neither.
    """
    try:
        return "collapse", evidence.arms("collapse", at_least=5)
    except NotYet:
        arm = f"input times 1000, rate {COLLAPSE_RATE:g}"
        return "scale-and-rate", {"uniform": evidence.runs("scale-and-rate", arm)}


def _epochs(arms: Mapping[str, Sequence[Record]]) -> int:
    return max(run.spec.training.epochs for runs in arms.values() for run in runs)
