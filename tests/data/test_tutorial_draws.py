"""The tutorial's split and batches come back from NumPy's seed 0: its own pictures prove it."""

import numpy as np
import pytest
import torch

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.data import NotSoClevr
from coordconv_lab.experiments.notsoclevr.data.tutorial_draws import TutorialDraws
from coordconv_lab.experiments.notsoclevr.recipes import tuned, tutorial
from coordconv_lab.experiments.notsoclevr.tasks.select import tutorial_order
from coordconv_lab.recipes import with_settings
from coordconv_lab.train.batches import batches_of

# The captions of the tutorial's galleries, row and column, by split: training, then test.
CAPTIONS = {
    "uniform": ([(13, 7), (45, 32), (59, 46)], [(5, 10), (29, 41), (33, 9)]),
    "quadrant": ([(7, 56), (10, 59), (31, 7)], [(32, 50), (39, 50), (59, 44)]),
}


def _rows_and_columns(indices: np.ndarray) -> list[tuple[int, int]]:
    return [(4 + int(index) // 56, 4 + int(index) % 56) for index in indices]


@pytest.mark.parametrize("split", CAPTIONS)
def test_the_twelve_pictured_examples_are_the_first_three_set_aside_on_each_side(split):
    draws = TutorialDraws(tutorial("rendering", split, "coordconv").data, "rendering")
    # A gallery shows its three in whichever order.
    for side, captions in zip(draws.pictured, CAPTIONS[split], strict=True):
        assert sorted(_rows_and_columns(side[:3])) == sorted(captions)


@pytest.mark.parametrize("split", CAPTIONS)
@pytest.mark.parametrize(("task", "pictures"), [("classification", 1), ("regression", 0)])
def test_batches_match_a_replay_of_the_script(task, pictures, split):
    np.random.seed(0)
    every = np.arange(3136)
    if split == "uniform":
        order = np.random.permutation(3136)
        train, test = order[:2352], order[2352:]
    else:
        test = every.reshape(56, 56)[28:, 28:].ravel()
        train = np.setdiff1d(every, test)
        np.random.shuffle(test)
        np.random.shuffle(train)
    for _ in range(pictures):
        np.random.permutation(len(train))
    spec = tutorial(task, split, "baseline", seed=3)
    data = NotSoClevr(spec.data)
    assert sorted(train) == data.is_train.nonzero()[:, 0].tolist()
    batches = batches_of(spec, data.train_points, tutorial_order(spec))
    for _ in range(3):
        train = np.random.permutation(train)
        expected = [_rows_and_columns(train[start : start + 32]) for start in range(0, 32 * 73, 32)]
        assert [[(y, x) for x, y in batch.tolist()] for batch in batches] == expected


def test_the_seed_of_a_run_changes_neither_its_split_nor_its_batches():
    first, second = (tutorial("regression", "uniform", "coordconv", seed) for seed in (0, 1))
    assert first.data == second.data
    points = NotSoClevr(first.data).train_points
    for one, other in zip(
        batches_of(first, points, tutorial_order(first)),
        batches_of(second, points, tutorial_order(second)),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_a_run_resumed_in_a_later_epoch_sees_the_very_next_batch():
    spec = tutorial("classification", "quadrant", "deconv")
    points = NotSoClevr(spec.data).train_points
    whole = batches_of(spec, points, tutorial_order(spec))
    sequence = [batch for _ in range(3) for batch in whole]
    resumed = batches_of(spec, points, tutorial_order(spec))
    resumed.position = 100
    assert torch.equal(next(iter(resumed)), sequence[100])


def test_the_tutorials_order_is_refused_without_its_split():
    spec = tuned("regression", "uniform", "coordconv")
    with pytest.raises(InputError, match="got the task regression, split_variant 'default'"):
        with_settings(spec, {"training.batch_order": "tutorial"})
