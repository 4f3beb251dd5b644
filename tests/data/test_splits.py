"""Splits are disjoint, cover everything, and are those of their sources."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.data import NotSoClevr, split_mask
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.experiments.notsoclevr.tutorial_scores import GALLERY

SOURCES = {
    ("default", "uniform"): (2509, 627),
    ("default", "quadrant"): (2352, 784),
    ("tutorial", "uniform"): (2352, 784),
    ("tutorial", "quadrant"): (2352, 784),
    ("paper", "uniform"): (2368, 768),
    ("paper", "quadrant"): (2407, 729),
    ("walsvid", "uniform"): (2508, 628),
    ("walsvid", "quadrant"): (2407, 729),
}


@pytest.mark.parametrize(("variant", "split"), SOURCES)
def test_each_source_has_its_published_counts(variant, split):
    train = split_mask(DataSpec(split=split, split_variant=variant))
    assert (train.sum(), (~train).sum()) == SOURCES[variant, split]


@given(
    height=st.integers(12, 40),
    width=st.integers(12, 40),
    square=st.integers(1, 9),
    split=st.sampled_from(["uniform", "quadrant"]),
    variant=st.sampled_from(["default", "tutorial", "paper", "walsvid"]),
    seed=st.integers(0, 100),
)
@settings(max_examples=80, deadline=None)
def test_the_two_sides_are_disjoint_and_cover_every_position(
    height, width, square, split, variant, seed
):
    spec = DataSpec(
        canvas=(height, width), square=square, split=split, split_variant=variant, split_seed=seed
    )
    try:
        data = NotSoClevr(spec)
    except InputError:
        return  # a side would be empty; refused, see below
    train = {tuple(point) for point in data.train_points.tolist()}
    test = {tuple(point) for point in data.test_points.tolist()}
    assert train
    assert test
    assert not train & test
    assert len(train) + len(test) == (height - square + 1) * (width - square + 1)


def test_the_held_out_quadrant_of_the_tutorial_is_rows_and_columns_32_to_59():
    data = NotSoClevr(DataSpec(split="quadrant"))
    expected = {(x, y) for x in range(32, 60) for y in range(32, 60)}
    assert {tuple(point) for point in data.test_points.tolist()} == expected


def test_the_held_out_quadrant_of_the_paper_starts_one_pixel_later():
    data = NotSoClevr(DataSpec(split="quadrant", split_variant="paper"))
    assert data.test_points.min().item() == 33


def test_a_seed_always_draws_the_same_split_and_another_seed_another():
    first, again, other = (split_mask(DataSpec(split_seed=seed)) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("split", ["uniform", "quadrant"])
def test_the_tutorials_examples_are_on_the_same_sides_of_our_split(split):
    data = NotSoClevr(DataSpec(split=split))
    train = {tuple(point) for point in data.train_points.tolist()}
    for side in ("train", "test"):
        for row, column in GALLERY[split, side]:
            assert ((column, row) in train) == (side == "train")


def test_a_canvas_with_an_empty_side_is_refused():
    with pytest.raises(InputError, match="no test positions"):
        split_mask(DataSpec(canvas=(20, 8), square=7, split="quadrant", split_variant="paper"))


@pytest.mark.parametrize(("variant", "split"), SOURCES)
def test_with_a_validation_part_the_test_positions_are_not_in_the_data(variant, split):
    spec = DataSpec(split=split, split_variant=variant)
    tested = NotSoClevr(spec)
    tuning = NotSoClevr(spec.model_copy(update={"held_out": "validation"}))
    assert _set(tuning.points) == _set(tested.train_points)
    assert not _set(tuning.points) & _set(tested.test_points)
    assert _set(tuning.train_points) | _set(tuning.test_points) == _set(tuning.points)
    assert not _set(tuning.train_points) & _set(tuning.test_points)
    if split == "uniform":
        assert len(tuning.test_points) == len(tested.test_points)


def test_the_validation_quadrant_of_the_quadrant_split_is_the_lower_left_one():
    data = NotSoClevr(DataSpec(split="quadrant", held_out="validation"))
    assert _set(data.test_points) == {(x, y) for x in range(4, 32) for y in range(32, 60)}
    assert len(data.train_points) == 2 * 28 * 28


def test_training_positions_too_few_to_hold_some_out_are_refused():
    spec = DataSpec(canvas=(2, 2), square=1, split_variant="paper")
    assert len(NotSoClevr(spec).train_points) == 2
    with pytest.raises(InputError, match="2 x 2 canvas with a square of 1 has too few training"):
        NotSoClevr(spec.model_copy(update={"held_out": "validation"}))


@given(
    share=st.floats(0.01, 0.99),
    split=st.sampled_from(["uniform", "quadrant"]),
    held_out=st.sampled_from(["test", "validation"]),
)
@settings(max_examples=40, deadline=None)
def test_a_share_is_drawn_from_the_training_side_and_the_held_out_side_stays(
    share, split, held_out
):
    spec = DataSpec(split=split, held_out=held_out)
    data = NotSoClevr(spec)
    smaller = spec.model_copy(update={"train_share": share})
    wanted = round(share * 3136)
    if wanted > len(data.train_points):
        with pytest.raises(InputError, match=f"train_share {share} means {wanted} of 3136"):
            NotSoClevr(smaller)
        return
    part = NotSoClevr(smaller)
    assert len(part.train_points) == wanted
    assert _set(part.train_points) <= _set(data.train_points)
    assert _set(part.test_points) == _set(data.test_points)


def test_a_larger_share_contains_the_smaller_one():
    small, large = (NotSoClevr(DataSpec(train_share=share)).train_points for share in (0.1, 0.4))
    assert _set(small) < _set(large)


def _set(points):
    return {tuple(point) for point in points.tolist()}
