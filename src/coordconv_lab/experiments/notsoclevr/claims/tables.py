"""The eight rows of the tutorial's tables, run as in its code."""

from collections.abc import Callable, Sequence

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.shares import of_values, share
from coordconv_lab.claims.statistics import prediction_interval
from coordconv_lab.claims.verdicts import ENOUGH, of_figures, of_perfect_run
from coordconv_lab.experiments.notsoclevr.tutorial_scores import TUTORIAL_SCORES
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import percent, percent_range

EXACT, RESAMPLED = "tutorial-exact", "tutorial"
"""The studies of the rows: with the tutorial's own split and batches, and with random ones."""


def as_published(evidence: Evidence, arm: str) -> tuple[str, list[Record]]:
    """Return the runs of a row from one study, as `rows_as_published` does."""
    study, found = rows_as_published(evidence, [arm])
    return study, found[arm]


def rows_as_published(
    evidence: Evidence, arms: Sequence[str]
) -> tuple[str, dict[str, list[Record]]]:
    """Return the runs of rows that are compared. All of them are from the same study.

    These are the runs on the tutorial's own split and batches if each row has at least three of
    them; otherwise, the runs on random splits and batches. The seeds of the two studies have
    different meanings, so runs of one are never pooled or paired with runs of the other.

    Returns:
        The study, and its runs by row.

    Raises:
        NotYet: Neither study has three runs of each row.
    """
    try:
        return EXACT, evidence.arms(EXACT, ENOUGH, arms)
    except NotYet:
        return RESAMPLED, evidence.arms(RESAMPLED, ENOUGH, arms)


def whose_draws(study: str, runs: Sequence[Record]) -> str:
    """Describe how these runs differ from the published run."""
    if study == EXACT:
        return "the tutorial's own split and batches, other initial weights"
    mixed = any(getattr(run.spec.model, "statistics", "") == "batch" for run in runs)
    scored = ", scored in batches that mix training and test points" if mixed else ""
    return f"random split and batches, not the tutorial's{scored}"


def scores_as_published(record: Record) -> tuple[float, float]:
    """Return training and test accuracy as in the tutorial: by coordinate for regression."""
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
            "seeds with a training and test accuracy of 100%",
            f"training accuracy {sides[0]}, test accuracy {sides[1]}; {whose_draws(study, runs)}",
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
            f"training accuracy {percent_range(sides[0])}; 95% prediction interval for another "
            f"run: training {percent_range(further[0])}, test {percent_range(further[1])}; "
            f"{whose_draws(study, runs)}",
        )

    return test


for (_task, _split, _model), (_train, _test) in TUTORIAL_SCORES.items():
    if _train is None or _test is None:
        continue
    _arm = f"{_task}, {_split}, {_model}"
    claim(
        f"table-{_task}-{_split}-{_model}",
        f"{_task.capitalize()}, {_split} split, {_model}: training accuracy {percent(_train)}, "
        f"test accuracy {percent(_test)}" + (" (by coordinate)" if _task == "regression" else ""),
        "tutorial, section Results",
        "tutorial",
    )(_coordconv_row(_arm) if _model == "coordconv" else _baseline_row(_arm, (_train, _test)))
