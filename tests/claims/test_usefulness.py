"""Usefulness: differences over seeds or units, and the rule that judges them."""

from types import SimpleNamespace

import pytest
from scipy import stats

from coordconv_lab.claims.evidence import NotYet
from coordconv_lab.claims.usefulness import (
    MARGIN,
    Question,
    difference,
    direction,
    judged,
    usefulness,
)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((0.05, 0.1), "helps"),
        ((0.001, 0.1), "helps"),
        ((-0.1, -0.001), "hurts"),
        ((-0.01, 0.1), "undecided"),
        ((-0.1, 0.1), "undecided"),
        ((-0.02, 0.02), "no difference"),
        ((0.001, 0.02), "no difference"),
        ((0.0, 0.0), "no difference"),
        (None, "undecided"),
    ],
)
def test_a_direction_follows_from_the_interval_and_the_margin(interval, said):
    assert direction(interval) == said
    if interval is not None:
        mirrored = {"helps": "hurts", "hurts": "helps"}.get(said, said)
        assert direction((-interval[1], -interval[0])) == mirrored


def test_a_claim_is_undecided_only_if_the_direction_is():
    assert judged("helps", ["helps"]) == "reproduced"
    assert judged("hurts", ["helps"]) == "not reproduced"
    assert judged("no difference", ["no difference", "hurts"]) == "reproduced"
    assert judged("undecided", ["helps"]) == "undecided"


def test_the_interval_is_that_of_a_paired_t_test_over_shared_units():
    left = {"a": 0.9, "b": 0.8, "c": 0.85, "d": 0.7, "e": 0.95, "only here": 0.1}
    right = {"e": 0.9, "d": 0.65, "c": 0.8, "b": 0.6, "a": 0.8, "only there": 0.9}
    found = difference(left, right)
    assert found.by_key.keys() == {"a", "b", "c", "d", "e"}
    wanted = stats.ttest_rel([left[k] for k in "abcde"], [right[k] for k in "abcde"])
    assert found.interval == pytest.approx(tuple(wanted.confidence_interval()))
    assert found.effect == pytest.approx(0.09)
    assert difference({"a": 1.0, "b": 1.0}, {"a": 0.0, "b": 0.0}).direction == "undecided"
    with pytest.raises(NotYet):
        difference({"a": 1.0}, {"b": 1.0})


def _run(seed, test, units, seconds=1.0):
    return SimpleNamespace(
        spec=SimpleNamespace(seed=seed),
        scores={"test": {"right": test, "right_mean_position": 0.5}},
        units={name: {"right": one, "right_mean_position": 0.5} for name, one in units.items()},
        seconds=seconds,
    )


class _Runs:
    def __init__(self, arms):
        self.arms = arms

    def runs(self, study, arm):
        assert study == "s"
        return self.arms[arm]


ARMS = {
    "first, plain": [_run(0, 0.5, {"a": 0.4, "b": 0.6}), _run(1, 0.7, {"a": 0.6, "b": 0.8})],
    "second, plain": [_run(0, 0.5, {"c": 0.5})],
    "first, told": [_run(0, 0.8, {"a": 0.8, "b": 0.7}, 2.0), _run(1, 0.9, {"a": 1.0, "b": 0.8})],
    "second, told": [_run(0, 0.9, {"c": 0.9})],
}


def _question(unit, folds):
    return Question(
        title="t",
        score="right",
        unit=unit,
        study="s",
        plain=tuple(f"{fold}, plain" for fold in folds),
        told=tuple(f"{fold}, told" for fold in folds),
    )


def test_units_are_averaged_over_seeds_and_combined_over_folds():
    found = usefulness(_Runs(ARMS), _question("people", ("first", "second")))  # pyright: ignore
    assert found.values["plain"] == pytest.approx({"a": 0.5, "b": 0.7, "c": 0.5})
    assert found.gain.by_key == pytest.approx({"a": 0.4, "b": 0.05, "c": 0.4})
    assert found.used.by_key == pytest.approx({"a": 0.4, "b": 0.25, "c": 0.4})
    assert found.null is None
    assert found.cost == pytest.approx(4 / 3)
    finding = found.finding("undecided")
    assert (finding.n, finding.interval, len(finding.values)) == (3, None, 3)


def test_without_the_second_score_the_use_of_coordinates_is_unknown():
    arms = {}
    for name, runs in ARMS.items():
        arms[name] = [SimpleNamespace(**vars(run)) for run in runs]
        for run in arms[name]:
            run.scores = {"test": {"right": run.scores["test"]["right"]}}
    found = usefulness(_Runs(arms), _question("seeds", ("first",)))  # pyright: ignore
    assert found.used is None
    assert found.values.keys() == {"plain", "told"}
    assert found.gain.by_key == pytest.approx({"0": 0.3, "1": 0.2})


def test_seeds_are_paired_by_their_number():
    found = usefulness(_Runs(ARMS), _question("seeds", ("first",)))  # pyright: ignore
    assert found.gain.by_key == pytest.approx({"0": 0.3, "1": 0.2})


def test_the_margin_is_two_points():
    assert MARGIN == 0.02
