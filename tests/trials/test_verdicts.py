"""Verdicts have the error rates that they promise, on simulated differences."""

import numpy as np
import pytest
from scipy import stats

from coordconv_lab.errors import InputError
from coordconv_lab.trials.verdicts import ERROR, MIN_SEEDS, compared, level_of, looks, power

SEEDS = 20


def verdict_of(differences, arms, min_difference=0.0):
    """The verdict of a trial that stops at the first look with one."""
    for count in looks(SEEDS):
        found = compared(differences[:count], arms, min_difference).verdict
        if found != "undecided":
            return found
    return "undecided"


def simulated(trials, arms, effect):
    values = np.random.default_rng(0).normal(effect, 1, (trials, arms, SEEDS))
    return [[verdict_of(one, arms) for one in each] for each in values]


@pytest.mark.parametrize("arms", [1, 3])
def test_at_most_one_trial_in_twenty_reports_a_false_difference(arms):
    found = simulated(200, arms, 0)
    wrong = sum(any(one != "undecided" for one in each) for each in found)
    assert stats.binomtest(wrong, len(found)).proportion_ci().low <= ERROR
    assert arms * power(0, arms, SEEDS) <= 1.2 * ERROR / 2  # simulated


def test_an_effect_of_one_standard_deviation_is_found_as_often_as_stated():
    found = simulated(200, 1, 1)
    helps = sum(each == ["helps"] for each in found)
    interval = stats.binomtest(helps, len(found)).proportion_ci()
    assert interval.low <= power(1, 1, SEEDS) <= interval.high
    assert ["hurts"] not in found


@pytest.mark.parametrize("arms", [1, 4])
def test_intervals_use_students_t_with_a_corrected_level(arms):
    values = [0.1, 0.4, -0.2, 0.3, 0.25, 0.0, 7.0]
    level = 1 - ERROR / 2 / arms
    seen = values[:5]  # the sixth and seventh are after the check
    wanted = stats.t.interval(level, 4, np.mean(seen), stats.sem(seen))
    found = compared(values, arms)
    assert found.interval == pytest.approx(wanted)
    assert found.mean == pytest.approx(np.mean(seen))


def test_the_errors_of_all_checks_stay_below_the_limit_even_if_seeds_are_added():
    assert sum(level_of(count, 3) for count in looks(10**6)) * 3 < ERROR
    assert looks(11) == looks(10) == [5, 10]


def test_a_failed_seed_does_not_affect_other_seeds():
    generator = np.random.default_rng(0)
    for failed in (3, 9):
        values = {seed: 1 + generator.normal() / 10 for seed in range(10)}
        found = compared(values | {failed: None}, 1)
        assert found.differences == tuple(values[seed] for seed in range(10) if seed != failed)
        assert found.verdict == "helps"


@pytest.mark.parametrize("missing", range(10))
def test_a_check_waits_for_every_run_before_it(missing):
    generator = np.random.default_rng(0)
    values = {seed: 1 + generator.normal() / 10 for seed in range(10) if seed != missing}
    found = compared(values, 1)
    if missing < 5:
        assert (found.interval, found.verdict) == (None, "undecided")
    else:
        assert found == compared({seed: values[seed] for seed in range(5)}, 1)


def test_copies_of_one_run_give_no_verdict():
    assert compared([0.001] * 5, 1).verdict == "undecided"


@pytest.mark.parametrize(
    ("center", "verdict"),
    [(1, "helps"), (-1, "hurts"), (0.0, "no difference"), (0.099, "undecided")],
)
def test_a_verdict_needs_an_interval_on_one_side(center, verdict):
    values = [center + step for step in (-0.02, -0.01, 0, 0.01, 0.02)]
    if verdict == "undecided":
        values = [10 * (one - center) + center for one in values]
    assert compared(values, 1, min_difference=0.1).verdict == verdict


def test_equal_scores_are_no_difference_only_if_one_is_asked_for():
    assert compared([0.0] * 5, 1, min_difference=0.1).verdict == "no difference"
    assert compared([0.0] * 5, 1).verdict == "undecided"


def test_the_estimated_number_of_seeds_would_give_a_verdict():
    generator = np.random.default_rng(1)
    values = generator.normal(0.5, 1, 5).tolist()
    found = compared(values, 1)
    assert found.verdict == "undecided"
    assert found.more_seeds is not None
    mean, spread, count = np.mean(values), np.std(values, ddof=1), 5 + found.more_seeds
    half = stats.t.ppf(1 - ERROR / 4, count - 1) * spread / np.sqrt(count)
    assert half < abs(mean)


def test_fewer_than_five_seeds_give_no_interval():
    for count in range(1, MIN_SEEDS):
        found = compared([1.0] * count, 1)
        assert (found.interval, found.verdict) == (None, "undecided")
        assert found.more_seeds == MIN_SEEDS - count
    assert looks(4) == []


def test_sides_that_cannot_be_compared_are_refused():
    with pytest.raises(InputError, match="at least one difference"):
        compared([], 1)
    with pytest.raises(InputError, match="at least 0"):
        compared([1.0], 1, min_difference=-1)
