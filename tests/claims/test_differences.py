"""Runs are compared with the run of the same seed, within their stratum."""

import pytest

from coordconv_lab.claims.differences import Stratum, compared, side_by_side, won_and_lost
from coordconv_lab.claims.evidence import NotYet
from coordconv_lab.claims.tries import solves
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import percent_range
from tests.claims.virtual import committed


@pytest.fixture(scope="module")
def record() -> Record:
    return next(
        kept.record
        for kept in committed().values()
        if kept.record.spec.task == "classification" and kept.record.spec.model_name == "coordconv"
    )


@pytest.fixture
def arm(record):
    """An arm with given test accuracies by seed; all of it is right in training."""

    def make(accuracies: dict[int, float]) -> list[Record]:
        return [
            record.model_copy(
                update={
                    "spec": record.spec.model_copy(update={"seed": seed}),
                    "scores": {"train": {"accuracy": 1.0}, "test": {"accuracy": accuracy}},
                }
            )
            for seed, accuracy in accuracies.items()
        ]

    return make


def _test(run: Record) -> float:
    return run.test_score


def test_left_minus_right_of_the_seeds_that_both_have(arm):
    stratum = Stratum(
        "uniform", arm({0: 0.9, 1: 0.8, 2: 0.7, 7: 0.1}), arm({2: 0.1, 1: 0.2, 0: 0.3})
    )
    found = compared([stratum], _test)
    assert found.differences == pytest.approx((0.6, 0.6, 0.6))
    assert not found.separate  # the seed without a partner is not above the others
    finding = found.finding(found.verdict, "difference", "")
    assert (finding.n, finding.interval) == (3, None)
    assert finding.values == found.differences
    words = side_by_side([stratum], ("left", "right"), percent_range, _test)
    assert words == "uniform: left 10.0% to 90.0% (n = 4), right 10.0% to 30.0% (n = 3)"


def test_strata_have_equal_weight_for_any_number_of_pairs(arm):
    small = Stratum("small", arm({0: 0.5, 1: 0.5}), arm({0: 0.5, 1: 0.5}))
    large = Stratum("large", arm(dict.fromkeys(range(6), 0.9)), arm(dict.fromkeys(range(6), 0.7)))
    found = compared([small, large], _test)
    assert found.mean is not None
    assert found.mean.effect == pytest.approx(0.1)
    assert not found.separate
    assert found.finding("partly", "difference", "").interval is not None


def test_differences_between_strata_do_not_count_as_noise(arm):
    """Each stratum has its own level and its own effect; only what varies inside counts."""
    strata = [
        Stratum(
            f"{low}",
            arm({0: low + gain, 1: low + gain, 2: low + gain + 0.01}),
            arm(dict.fromkeys(range(3), low)),
        )
        for low, gain in ((0.1, 0.1), (0.2, 0.6))
    ]
    found = compared(strata, _test)
    assert found.verdict == "reproduced"
    assert found.mean is not None
    assert found.mean.interval[1] - found.mean.interval[0] < 0.03


def test_sides_without_a_shared_seed_are_not_compared(arm):
    with pytest.raises(NotYet, match="uniform: the two sides have no seed in common"):
        compared([Stratum("uniform", arm({0: 1.0}), arm({1: 0.0}))], _test)


def test_only_pairs_in_which_one_side_succeeds_are_counted(arm):
    always, never = arm(dict.fromkeys(range(6), 1.0)), arm(dict.fromkeys(range(6), 0.0))
    assert won_and_lost([Stratum("a", always, never)], solves) == (6, 0)
    assert won_and_lost([Stratum("a", never, always)], solves) == (0, 6)
    assert won_and_lost([Stratum("a", always, always)], solves) == (0, 0)
    mixed = [Stratum("a", always[:3], never[:2]), Stratum("b", never[3:], always[3:])]
    assert won_and_lost(mixed, solves) == (2, 3)
