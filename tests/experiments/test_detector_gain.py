"""The rule for the published gain of the detector, and the gain that it judges."""

from types import SimpleNamespace

import pytest

from coordconv_lab.experiments.digits.detector_gain import (
    PUBLISHED,
    detector_gain,
    relative_gains,
    verdict_of,
)
from coordconv_lab.experiments.digits.optimizers import OPTIMIZERS, SEEDS

AROUND, BELOW, ABOVE = (0.2, 0.3), (-0.01, 0.2), (0.25, 0.4)
WIDE = (-0.5, 0.5)


def _run(seed, score):
    scores = {"test": {"mean_iou": score, "proposal_iou": 0.1}, "train": {"mean_iou": 0.9}}
    return SimpleNamespace(spec=SimpleNamespace(seed=seed), scores=scores)


@pytest.mark.parametrize(
    ("intervals", "verdict"),
    [
        ([AROUND] * 4, "reproduced"),
        ([AROUND, AROUND, AROUND, BELOW], "reproduced"),
        ([AROUND, AROUND, BELOW, BELOW], "undecided"),
        ([AROUND, BELOW, BELOW, BELOW], "undecided"),
        ([BELOW] * 4, "not reproduced"),
        ([BELOW, BELOW, BELOW, WIDE], "undecided"),
        ([BELOW, BELOW, BELOW, ABOVE], "undecided"),
        ([BELOW, BELOW, BELOW, None], "undecided"),
        ([AROUND, AROUND, AROUND, None], "undecided"),
        ([WIDE] * 4, "undecided"),
        ([ABOVE] * 4, "undecided"),
        ([(0.1, PUBLISHED)], "reproduced"),
        ([], "undecided"),
    ],
)
def test_the_verdict_follows_from_the_intervals_in_any_order(intervals, verdict):
    assert verdict_of(intervals) == verdict
    assert verdict_of(intervals[::-1]) == verdict


def test_a_gain_is_relative_to_the_plain_run_of_the_same_seed():
    plain = [_run(0, 0.5), _run(1, 0.8), _run(2, 0.4)]
    told = [_run(3, 0.9), _run(1, 0.6), _run(0, 0.62)]
    assert relative_gains(plain, told) == pytest.approx([-0.25, 0.24])


class _Runs:
    """Evidence in which coordinates change the score by a factor for each optimizer."""

    def __init__(self, factors, seeds=SEEDS):
        self.factors = dict(zip(OPTIMIZERS, factors, strict=True))
        self.seeds = seeds

    def runs(self, study, arm):
        assert study == "digits-optimizers"
        optimizer, model = arm.rsplit(", ", 1)
        factor = {"conv": 1.0, "coordconv": self.factors[optimizer]}[model]
        noise = 0.001 if model == "coordconv" else -0.001
        return [_run(s, (0.6 + noise * s * (-1) ** s) * factor) for s in range(self.seeds)]


def test_scores_that_are_24_percent_higher_reproduce_the_claim():
    found = detector_gain(_Runs([1.24] * len(OPTIMIZERS)))
    assert found.verdict == "reproduced"
    assert found.effect == pytest.approx(PUBLISHED, abs=0.01)
    assert found.n == SEEDS


def test_equal_scores_do_not_reproduce_the_claim_and_one_optimizer_can_leave_it_undecided():
    assert detector_gain(_Runs([1.0] * len(OPTIMIZERS))).verdict == "not reproduced"
    factors = [1.0] * (len(OPTIMIZERS) - 1)
    assert detector_gain(_Runs([*factors, 1.24])).verdict == "undecided"
    assert detector_gain(_Runs([*factors, 1.0], seeds=4)).verdict == "undecided"


def test_the_finding_has_the_gain_of_every_optimizer():
    found = detector_gain(_Runs([1 + 0.01 * i for i in range(1, len(OPTIMIZERS) + 1)]))
    for name in OPTIMIZERS:
        assert f"{name} +" in found.condition
