"""The main table: one row a run, the tutorial's figure beside ours."""

from collections.abc import Iterable
from typing import NamedTuple

from coordconv_lab.results.record import Record
from coordconv_lab.results.tutorial import TUTORIAL_SCORES


class SummaryRow(NamedTuple):
    """One run in the main table; scores are fractions, seconds are wall time of training.

    Soft IoU and the mean absolute error of the probabilities are those of networks that paint,
    the accuracy over coordinates, which the tutorial counts, that of regressors; None for other
    tasks and where a record is older than these scores.
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
    """Make the rows of the main table, in the tutorial's order, then by seed."""
    order = list(TUTORIAL_SCORES)
    rows = [_row(record) for record in records]
    return sorted(rows, key=lambda row: (order.index((row.task, row.split, row.model)), row.seed))


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
