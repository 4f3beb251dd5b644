"""The rows of the main table, one per run, with the tutorial's scores for comparison."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from coordconv_lab.experiments.notsoclevr.tutorial_scores import TUTORIAL_SCORES
from coordconv_lab.results.record import Record

FAIR_TIME_RATIO = 3.0
"""Target for the training time of a baseline relative to its CoordConv run."""


class SummaryRow(NamedTuple):
    """One run in the main table. Scores are fractions, and seconds are the wall time of training.

    Only rendering has a soft IoU and a mean absolute error of the probabilities, and only
    regression has an accuracy by coordinate. These scores are None for other tasks, and for records
    that were written before the scores existed.
    """

    task: str
    split: str
    model: str
    seed: int
    parameters: int
    epochs: int
    steps: int
    seconds: float
    train_score: float
    test_score: float
    tutorial_train: float | None
    tutorial_test: float | None
    train_soft_iou: float | None = None
    test_soft_iou: float | None = None
    train_mean_absolute_error: float | None = None
    test_mean_absolute_error: float | None = None
    train_coordinate_accuracy: float | None = None
    test_coordinate_accuracy: float | None = None


def summarise(records: Iterable[Record]) -> list[SummaryRow]:
    """Return the rows of the main table, sorted as in the tutorial, then by seed."""
    order = list(TUTORIAL_SCORES)
    rows = [_row(record) for record in records]
    return sorted(rows, key=lambda row: (order.index((row.task, row.split, row.model)), row.seed))


def summary(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return the rows of summary.json."""
    return [row._asdict() for row in summarise(records)]


def unfair_pairs(rows: Sequence[SummaryRow]) -> list[str]:
    """List the baselines that trained for less than FAIR_TIME_RATIO times their CoordConv run."""
    seconds = {
        (row.task, row.split, row.seed): row.seconds for row in rows if row.model == "coordconv"
    }
    return [
        f"{row.task}, {row.split}, seed {row.seed}: {row.seconds / beside:.2f} times"
        for row in rows
        if row.model != "coordconv"
        and (beside := seconds.get((row.task, row.split, row.seed)))
        and row.seconds < FAIR_TIME_RATIO * beside
    ]


def _row(record: Record) -> SummaryRow:
    spec = record.spec
    tutorial = TUTORIAL_SCORES[spec.task, spec.data.split, spec.model_name]
    return SummaryRow(
        spec.task,
        spec.data.split,
        spec.model_name,
        spec.seed,
        record.parameters,
        record.epochs,
        record.steps,
        round(record.seconds, 2),
        record.train_score,
        record.test_score,
        *tutorial,
        *(
            record.scores[side].get(name)
            for name in ("soft_iou", "mean_absolute_error", "coordinate_accuracy")
            for side in ("train", "test")
        ),
    )
