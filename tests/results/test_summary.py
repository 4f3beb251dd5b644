"""The rows of the main table."""

from itertools import product

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.summary import summarise
from coordconv_lab.experiments.notsoclevr.tutorial_scores import TUTORIAL_SCORES
from tests.results.test_store import make_record

COLUMNS = (
    "task",
    "split",
    "model",
    "seed",
    "parameters",
    "epochs",
    "steps",
    "seconds",
    "train_score",
    "test_score",
    "tutorial_train",
    "tutorial_test",
    "train_soft_iou",
    "test_soft_iou",
    "train_mean_absolute_error",
    "test_mean_absolute_error",
    "train_coordinate_accuracy",
    "test_coordinate_accuracy",
)


def test_rows_are_in_the_order_of_the_tutorial_with_its_scores():
    records = [
        make_record(tuned(task, split, model, seed))
        for seed, model, split, task in product(
            (1, 0),
            ("baseline", "coordconv"),
            ("quadrant", "uniform"),
            ("rendering", "regression", "classification"),
        )
    ]
    rows = summarise(records)
    assert [row[:4] for row in rows] == [(*key, seed) for key in TUTORIAL_SCORES for seed in (0, 1)]
    deconv = rows[2]
    assert deconv._fields == COLUMNS
    assert deconv[4:] == (7553, 2, 628, 12.34, 1.0, 0.75, 1.0, 0.858, *(6 * [None]))
    assert (rows[-1].tutorial_train, rows[-1].tutorial_test) == (None, None)


def test_the_row_has_the_scores_of_probabilities_if_the_record_has_them():
    older = make_record(tuned("rendering", "uniform", "coordconv"))
    scores = {
        side: values | {"soft_iou": soft, "mean_absolute_error": error}
        for (side, values), (soft, error) in zip(
            older.scores.items(), ((0.99, 0.001), (0.98, 0.002)), strict=True
        )
    }
    assert list(scores) == ["train", "test"]
    (row,) = summarise([older.model_copy(update={"scores": scores})])
    assert row[-6:] == (0.99, 0.98, 0.001, 0.002, None, None)


def test_the_row_of_a_regressor_has_the_accuracy_over_coordinates():
    record = make_record(tuned("regression", "uniform", "conv"))
    scores = {
        side: values | {"coordinate_accuracy": share}
        for (side, values), share in zip(record.scores.items(), (0.9, 0.8), strict=True)
    }
    (row,) = summarise([record.model_copy(update={"scores": scores})])
    assert (row.train_coordinate_accuracy, row.test_coordinate_accuracy) == (0.9, 0.8)
