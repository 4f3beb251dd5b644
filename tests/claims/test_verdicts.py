"""The rules of the ledger: which counts and intervals come to which verdict."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.claims.claim import Verdict
from coordconv_lab.claims.statistics import paired_mean
from coordconv_lab.claims.verdicts import (
    USEFUL_WIDTH,
    across,
    all_of,
    of_figures,
    of_impossibility,
    of_paired,
    of_perfect_run,
    of_possibility,
    of_share,
    of_signs,
)

PARTS = [verdict for verdict in get_args(Verdict) if verdict != "not yet"]
ORDER = ["not reproduced", "undecided", "partly", "reproduced"]


@pytest.mark.parametrize(
    ("held", "n", "expected"),
    [
        (6, 6, "reproduced"),
        (5, 5, "undecided"),
        (0, 6, "not reproduced"),
        (0, 5, "undecided"),
        (1, 20, "partly"),
        (19, 20, "partly"),
    ],
)
def test_all_or_none_counts_from_six_runs_on(held, n, expected):
    assert of_share(held, n) == expected


@pytest.mark.parametrize(
    ("perfect", "n", "expected"),
    [
        (3, 3, "reproduced"),
        (1, 10, "partly"),
        (0, 10, "undecided"),
        (0, 71, "undecided"),
        (0, 72, "not reproduced"),
    ],
)
def test_a_perfect_run_is_refuted_only_if_its_probability_is_below_5_percent(perfect, n, expected):
    assert of_perfect_run(perfect, n) == expected


def test_a_figure_is_judged_by_the_prediction_for_another_run():
    narrow, wide = [0.50, 0.51, 0.52], [0.3, 0.5, 0.7]
    assert of_figures([narrow], [0.51]) == "reproduced"
    assert of_figures([narrow], [0.60]) == "not reproduced"
    assert of_figures([wide], [0.9]) == "undecided"
    # One figure outside is enough, and one wide interval.
    assert of_figures([narrow, narrow], [0.51, 0.60]) == "not reproduced"
    assert of_figures([narrow, wide], [0.51, 0.5]) == "undecided"
    # Figures are rounded to a tenth of a percent.
    assert of_figures([[0.5004, 0.5004]], [0.5]) == "reproduced"
    assert of_figures([[0.5006, 0.5006]], [0.5]) == "not reproduced"


@given(st.lists(st.floats(0, 1), min_size=3, max_size=8), st.floats(0, 1))
def test_more_spread_never_turns_a_figure_into_a_refuted_one(values, figure):
    mean = sum(values) / len(values)
    wider = [min(1.0, max(0.0, mean + 2 * (value - mean))) for value in values]
    if all(0 < value < 1 for value in wider) and of_figures([values], [figure]) != "not reproduced":
        assert of_figures([wider], [figure]) != "not reproduced"
    assert 0 < USEFUL_WIDTH < 1


def test_a_difference_counts_above_zero_and_for_few_pairs_only_if_the_sides_are_separate():
    clear, against, unclear = [0.3, 0.31, 0.29, 0.3, 0.32], [-0.3, -0.31, -0.29], [0.3, -0.3, 0.1]
    assert of_paired(paired_mean([clear]), False) == "reproduced"
    assert of_paired(paired_mean([clear[:3]]), False) == "undecided"
    assert of_paired(paired_mean([clear[:3]]), True) == "reproduced"
    assert of_paired(paired_mean([against]), False) == "not reproduced"
    assert of_paired(paired_mean([unclear]), False) == "undecided"
    assert of_paired(paired_mean([[0.0] * 9]), False) == "undecided"
    assert of_paired(paired_mean([clear[:2]]), True) == "undecided"


@pytest.mark.parametrize(
    ("wins", "losses", "expected"),
    [
        (6, 0, "reproduced"),
        (5, 0, "undecided"),
        (0, 0, "undecided"),
        (0, 6, "not reproduced"),
        (7, 3, "undecided"),
    ],
)
def test_pairs_with_one_success_are_judged_by_the_exact_sign_test(wins, losses, expected):
    assert of_signs(wins, losses) == expected


def test_one_run_proves_possibility_and_refutes_impossibility():
    assert (of_possibility(True), of_possibility(False)) == ("reproduced", "undecided")
    assert of_impossibility(1, 100) == "not reproduced"
    assert (of_impossibility(0, 6), of_impossibility(0, 5)) == ("reproduced", "undecided")


@pytest.mark.parametrize("combine", [all_of, across])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_better_part_never_makes_the_verdict_worse(combine, count):
    for parts in product(PARTS, repeat=count):
        before = combine(parts)
        assert combine(parts[::-1]) == before
        if len({*parts}) == 1:
            assert before == parts[0]
        for place, part in enumerate(parts):
            for better in ORDER[ORDER.index(part) :]:
                after = combine([*parts[:place], better, *parts[place + 1 :]])
                assert ORDER.index(after) >= ORDER.index(before), (parts, place, better)


def test_all_parts_of_a_statement_must_hold_but_cases_may_differ():
    assert all_of(["reproduced", "undecided"]) == "undecided"
    assert across(["reproduced", "undecided"]) == "partly"
    assert all_of(["reproduced", "not reproduced"]) == "not reproduced"
    assert across(["reproduced", "not reproduced"]) == "partly"
    assert across(["undecided", "not reproduced"]) == "undecided"
