"""The order of the batches is a function of seed and epoch, and any place in it can be saved."""

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
def test_every_epoch_holds_every_point_once_in_an_order_of_its_own(count, size, seed):
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
def test_a_loader_restored_anywhere_goes_on_with_the_next_batch(count, size, stop):
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
def test_without_the_last_batch_all_are_full_and_of_different_points(count, size):
    batches = Batches(_points(count), size, seeded_order(count, 1), drop_last=True)
    [epoch] = _epochs(batches, 1)
    assert len(epoch) == len(batches) == max(1, count // size)
    handed_out = list(itertools.chain(*epoch))
    assert len(set(handed_out)) == len(handed_out)
    assert all(len(batch) == min(size, count) for batch in epoch)
