"""The eight rows of the tutorial's tables, run as its code ran them."""

from collections.abc import Callable
from statistics import fmean

from coordconv_lab.claims.claim import Finding, claim, graded
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import share_solved
from coordconv_lab.claims.statistics import mean_interval
from coordconv_lab.results.record import Record
from coordconv_lab.results.tutorial import TUTORIAL_SCORES
from coordconv_lab.results.wording import percent, percent_range

TOLERANCE = 0.05
"""How far the mean of our seeds may lie from the tutorial's figure, which is one run."""

ENOUGH = 3


def scores_as_published(record: Record) -> tuple[float, float]:
    """Training and test accuracy as the tutorial counts: of coordinates, for regression."""
    name = "coordinate_accuracy" if record.spec.task == "regression" else "accuracy"
    return record.scores["train"][name], record.scores["test"][name]


def _coordconv_row(arm: str) -> Callable[[Evidence], Finding]:
    def test(evidence: Evidence) -> Finding:
        runs = evidence.runs("tutorial", arm, ENOUGH)
        return share_solved(runs)

    return test


def _baseline_row(arm: str, published: tuple[float, float]) -> Callable[[Evidence], Finding]:
    def test(evidence: Evidence) -> Finding:
        runs = evidence.runs("tutorial", arm, ENOUGH)
        sides = list(zip(*(scores_as_published(run) for run in runs), strict=True))
        near = sum(
            abs(fmean(values) - figure) <= TOLERANCE
            for values, figure in zip(sides, published, strict=True)
        )
        ranges = [percent_range(values) for values in sides]
        return Finding(
            graded(near, 2),
            len(runs),
            "mean test accuracy",
            fmean(sides[1]),
            mean_interval(sides[1], (0, 1)),
            f"training {ranges[0]}, test {ranges[1]}",
        )

    return test


for (_task, _split, _model), (_train, _test) in TUTORIAL_SCORES.items():
    if _train is None or _test is None:
        continue
    _arm = f"{_task}, {_split}, {_model}"
    claim(
        f"table-{_task}-{_split}-{_model}",
        f"{_task.capitalize()}, {_split} split, {_model}: {percent(_train)} in training, "
        f"{percent(_test)} in test",
        "tutorial, section Results",
    )(_coordconv_row(_arm) if _model == "coordconv" else _baseline_row(_arm, (_train, _test)))
