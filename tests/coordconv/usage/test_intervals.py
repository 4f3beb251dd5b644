"""Intervals of a mean are Student's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordconv.usage.intervals import MIN_VALUES, mean_interval


@given(
    st.lists(st.integers(-1000, 1000), min_size=MIN_VALUES, max_size=60).filter(
        lambda values: len(set(values)) > 1
    ),
    st.sampled_from([0.8, 0.9, 0.95, 0.99]),
)
def test_an_interval_is_that_of_scipy(values, level):
    stats = pytest.importorskip("scipy.stats")
    found = mean_interval(values, level)
    wanted = stats.t.interval(level, len(values) - 1, stats.tmean(values), stats.sem(values))
    half = (wanted[1] - wanted[0]) / 2
    assert found == pytest.approx(wanted, abs=0.02 * half)


def test_fewer_values_have_no_interval():
    assert mean_interval([1.0] * (MIN_VALUES - 1)) is None
    assert mean_interval([1.0] * MIN_VALUES) == (1.0, 1.0)
