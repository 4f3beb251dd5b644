"""The order of batches depends on seed and epoch, and every position can be restored."""

import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coordconv_lab.train.batches import Batches, seeded_order


def _points(count: int) -> torch.Tensor:
    return torch.stack([torch.arange(count), torch.arange(count)], dim=1)


def _epochs(batches: Batches, epochs: int) -> list[list[list[int]]]:
    return [[batch[:, 0].tolist() for batch in batches] for _ in range(epochs)]


@given(count=st.integers(1, 50), size=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_every_epoch_has_every_point_once_in_a_different_order(count, size, seed):
    batches = Batches(_points(count), size, seeded_order(count, seed))
    first, second = _epochs(batches, 2)
    for epoch in (first, second):
        assert len(epoch) == len(batches)
        assert all(len(batch) == size for batch in epoch[:-1])
        assert sorted(itertools.chain(*epoch)) == list(range(count))
    if count > 12:
        assert first != second
    assert _epochs(Batches(_points(count), size, seeded_order(count, seed)), 2) == [first, second]


@given(count=st.integers(1, 30), size=st.integers(1, 9), stop=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_restored_batches_continue_with_the_next_batch(count, size, stop):
    whole = Batches(_points(count), size, seeded_order(count, 5))
    expected = list(itertools.chain(*_epochs(whole, 70 // len(whole) + 1)))
    interrupted = Batches(_points(count), size, seeded_order(count, 5))
    handed_out = 0
    while handed_out < stop:
        for _ in interrupted:
            handed_out += 1
            if handed_out == stop:
                break
    resumed = Batches(_points(count), size, seeded_order(count, 5))
    resumed.position = interrupted.position
    rest = list(itertools.chain(*_epochs(resumed, 2)))
    assert expected[stop : stop + len(rest)] == rest[: len(expected) - stop]


@given(count=st.integers(1, 50), size=st.integers(1, 20))
@settings(max_examples=50, deadline=None)
def test_with_drop_last_all_batches_are_full_and_disjoint(count, size):
    batches = Batches(_points(count), size, seeded_order(count, 1), drop_last=True)
    [epoch] = _epochs(batches, 1)
    assert len(epoch) == len(batches) == max(1, count // size)
    handed_out = list(itertools.chain(*epoch))
    assert len(set(handed_out)) == len(handed_out)
    assert all(len(batch) == min(size, count) for batch in epoch)
