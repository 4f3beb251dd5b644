"""The rows of the main table."""

from itertools import product

from coordconv_lab.recipes import tuned
from coordconv_lab.results import summarise
from coordconv_lab.results.tutorial import TUTORIAL_SCORES
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
    assert deconv[4:] == (7553, 2, 628, 12.34, 1.0, 0.75, 1.0, 0.858)
    assert rows[-1][-2:] == (None, None)
