"""How many tries it takes, against counting every way to draw them."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.claims.tries import Tries


@given(st.integers(1, 9), st.data())
def test_the_fraction_solved_within_k_tries_equals_that_over_all_subsets(n, data):
    solved = data.draw(st.integers(0, n))
    tries = data.draw(st.integers(0, n))
    drawn = list(combinations(range(n), tries))
    hits = sum(any(one < solved for one in ones) for ones in drawn)
    assert Tries(solved, n).within(tries) == pytest.approx(hits / len(drawn))


@given(st.integers(1, 30), st.data())
def test_more_tries_solve_more_often_and_the_interval_contains_the_fraction(n, data):
    found = Tries(data.draw(st.integers(0, n)), n)
    shares = [found.within(tries) for tries in range(n + 1)]
    assert shares == sorted(shares)
    low, high = found.interval
    assert 0 <= low <= found.within(1) <= high <= 1
    assert found.interval_within(1) == pytest.approx(found.interval)


def test_more_tries_than_settings_are_refused():
    with pytest.raises(ValueError, match="expected 0 to 4 tries, got 5"):
        Tries(1, 4).within(5)
