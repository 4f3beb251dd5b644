"""Intervals hold the truth as often as they say; the tests are those of the textbooks."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from coordconv_lab.claims.statistics import (
    fraction_interval,
    holm,
    mean_interval,
    paired_mean,
    prediction_interval,
)


@pytest.mark.parametrize("n", [1, 5, 10])
def test_the_interval_of_all_successes_ends_at_one_and_begins_where_it_must(n):
    """The lower end p solves p^n = 2.5%."""
    low, high = fraction_interval(n, n)
    assert high == 1
    assert low == pytest.approx(0.025 ** (1 / n))


@pytest.mark.parametrize("n", [3, 10, 20])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9])
def test_the_interval_of_a_fraction_contains_it_in_at_least_95_of_100_cases(n, share):
    """Exactly: the chances of all counts whose interval holds the share, added up."""
    held = [low <= share <= high for low, high in (fraction_interval(k, n) for k in range(n + 1))]
    chances = stats.binom.pmf(np.arange(n + 1), n, share)
    assert chances[held].sum() >= 0.95


def test_the_interval_of_a_fraction_contains_the_mean_of_unequal_strata():
    """Two strata of five runs, with chances of 0.2 and 0.9: exactly, over both counts."""
    covered = 0.0
    for first, second in product(range(6), repeat=2):
        low, high = fraction_interval(first + second, 10)
        chance = stats.binom.pmf(first, 5, 0.2) * stats.binom.pmf(second, 5, 0.9)
        covered += chance * (low <= 0.55 <= high)
    assert covered >= 0.95


def test_the_interval_of_a_mean_is_that_of_students_t():
    """By hand: 4.303 is the 97.5% quantile of t with two degrees of freedom."""
    interval = mean_interval([1.0, 2.0, 3.0])
    half = 4.30265 / math.sqrt(3)
    assert interval == pytest.approx((2 - half, 2 + half), rel=1e-5)
    assert mean_interval([0.0, 1.0], (0, 1)) == (0, 1)
    assert mean_interval([1.0]) is None


def test_the_prediction_interval_is_wider_by_the_square_root_of_n_plus_one():
    """By hand: t s sqrt(1 + 1/n) with t = 4.303, s = 1 and n = 3."""
    half = 4.30265 * math.sqrt(4 / 3)
    assert prediction_interval([1.0, 2.0, 3.0]) == pytest.approx((2 - half, 2 + half), rel=1e-5)
    assert prediction_interval([1.0, 2.0, 3.0], (0, 4)) == (0, 4)
    assert prediction_interval([0.5, 0.5]) == (0.5, 0.5)
    with pytest.raises(ValueError, match="at least two values, got 1"):
        prediction_interval([1.0])


@pytest.mark.parametrize("n", [3, 5, 10])
def test_another_value_is_in_its_prediction_interval_in_95_of_100_cases(n):
    random = np.random.default_rng(1)
    drawn = random.normal(size=(2000, n + 1))
    intervals = [prediction_interval(values[:n].tolist()) for values in drawn]
    inside = [
        low <= values[n] <= high for (low, high), values in zip(intervals, drawn, strict=True)
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


@pytest.mark.slow("many samples")
@pytest.mark.parametrize("sizes", [(5,), (3, 3), (2, 2), (3, 5, 4)])
def test_a_paired_difference_is_in_its_interval_in_95_of_100_cases(sizes):
    """The strata have different effects, and the estimate is the mean of these."""
    random = np.random.default_rng(1)
    effects = 10 * np.arange(len(sizes))
    inside, alarms = [], []
    for _ in range(2000):
        strata = [
            (effect + random.normal(size=size)).tolist()
            for effect, size in zip(effects, sizes, strict=True)
        ]
        found = paired_mean(strata)
        assert found is not None
        inside.append(found.interval[0] <= effects.mean() <= found.interval[1])
        same = paired_mean([random.normal(size=size).tolist() for size in sizes])
        assert same is not None
        alarms.append(same.p < 0.05)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.015)


@given(st.lists(st.floats(-1, 1).map(lambda one: round(one, 3)), min_size=3, max_size=8))
def test_one_stratum_is_the_ordinary_paired_t_test(differences):
    found = paired_mean([differences])
    assert found is not None
    assert found.n == len(differences)
    if len({*differences}) > 1:
        usual = stats.ttest_1samp(differences, 0)
        low, high = usual.confidence_interval(0.95)
        assert found.p == pytest.approx(usual[1])
        assert found.interval == pytest.approx((low, high))


def test_too_few_differences_have_no_interval_and_equal_ones_an_exact_one():
    assert paired_mean([[1.0, 2.0]]) is None
    assert paired_mean([[1.0, 2.0], [3.0]]) is None
    assert paired_mean([[1.0, 1.0, 1.0]]) == (1.0, (1.0, 1.0), 0.0, 3)
    assert paired_mean([[0.0, 0.0, 0.0]]) == (0.0, (0.0, 0.0), 1.0, 3)
    with pytest.raises(ValueError, match="a pair in every stratum"):
        paired_mean([[1.0, 2.0, 3.0], []])


def test_adjusted_p_values_raise_a_false_alarm_in_five_of_100_cases_at_most():
    random = np.random.default_rng(1)
    alarms = [min(holm(random.uniform(size=4).tolist())) < 0.05 for _ in range(2000)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.015)
    assert holm([0.01]) == [0.01]
    assert holm([0.01, 0.9, 0.02]) == pytest.approx([0.03, 0.9, 0.04])
