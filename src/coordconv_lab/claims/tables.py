"""The eight rows of the tutorial's tables, run as its code ran them."""

from collections.abc import Callable, Sequence

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.shares import of_values, share
from coordconv_lab.claims.statistics import prediction_interval
from coordconv_lab.claims.verdicts import ENOUGH, of_figures, of_perfect_run
from coordconv_lab.results.record import Record
from coordconv_lab.results.tutorial import TUTORIAL_SCORES
from coordconv_lab.results.wording import percent, percent_range

EXACT, RESAMPLED = "tutorial-exact", "tutorial"
"""The studies of the rows: on the tutorial's own split and batches, and on other draws of both."""


def as_published(evidence: Evidence, arm: str) -> tuple[str, list[Record]]:
    """The runs of a row by one study, never pooled.

    Those on the tutorial's own split and batches, once there are three of them; until then those on
    other draws.

    Returns:
        The study and its runs.

    Raises:
        NotYet: Neither study has three.
    """
    try:
        return EXACT, evidence.runs(EXACT, arm, ENOUGH)
    except NotYet:
        return RESAMPLED, evidence.runs(RESAMPLED, arm, ENOUGH)


def whose_draws(study: str, runs: Sequence[Record]) -> str:
    """How these runs differ from the one that was published."""
    if study == EXACT:
        return "the tutorial's own split and batches; initial weights vary"
    mixed = any(getattr(run.spec.model, "statistics", "") == "batch" for run in runs)
    scored = ", scored in batches that mix training and test points" if mixed else ""
    return f"other draws of split and batches than the tutorial's{scored}"


def scores_as_published(record: Record) -> tuple[float, float]:
    """Training and test accuracy as the tutorial counts: of coordinates, for regression."""
    name = "coordinate_accuracy" if record.spec.task == "regression" else "accuracy"
    return record.scores["train"][name], record.scores["test"][name]


def _coordconv_row(arm: str) -> Callable[[Evidence], Finding]:
    def test(evidence: Evidence) -> Finding:
        study, runs = as_published(evidence, arm)
        perfect = sum(run.train_score == run.test_score == 1 for run in runs)
        sides = [percent_range(side) for side in zip(*map(scores_as_published, runs), strict=True)]
        return share(
            perfect,
            len(runs),
            "seeds with 100% in training and test",
            f"training {sides[0]}, test {sides[1]}; {whose_draws(study, runs)}",
            of_perfect_run(perfect, len(runs)),
        )

    return test


def _baseline_row(arm: str, figures: tuple[float, float]) -> Callable[[Evidence], Finding]:
    def test(evidence: Evidence) -> Finding:
        study, runs = as_published(evidence, arm)
        sides = list(zip(*map(scores_as_published, runs), strict=True))
        further = [prediction_interval(values, (0, 1)) for values in sides]
        return of_values(
            of_figures(sides, figures),
            sides[1],
            "test accuracy",
            f"training {percent_range(sides[0])}; one further run has with 95% "
            f"{percent_range(further[0])} in training, {percent_range(further[1])} in test; "
            f"{whose_draws(study, runs)}",
        )

    return test


for (_task, _split, _model), (_train, _test) in TUTORIAL_SCORES.items():
    if _train is None or _test is None:
        continue
    _arm = f"{_task}, {_split}, {_model}"
    claim(
        f"table-{_task}-{_split}-{_model}",
        f"{_task.capitalize()}, {_split} split, {_model}: {percent(_train)} in training, "
        f"{percent(_test)} in test" + (", of coordinates" if _task == "regression" else ""),
        "tutorial, section Results",
        "tutorial",
    )(_coordconv_row(_arm) if _model == "coordconv" else _baseline_row(_arm, (_train, _test)))
