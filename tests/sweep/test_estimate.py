"""Estimated durations of sweeps, with known times per step."""

import pytest

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.sweep import estimate as module
from coordconv_lab.sweep.estimate import Estimate, estimate
from coordconv_lab.train import run
from tests.sweep.conftest import TINY, tiny_specs

STEP, EXAMPLE = 2.0, 0.001


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Record what is measured, and replace measured times by known ones."""
    asked: list[str] = []

    def known(spec, hardware):
        asked.append(spec.id)
        return STEP, EXAMPLE

    monkeypatch.setattr(module, "_measured", known)
    return asked


def test_runs_with_the_same_steps_are_measured_once(measured):
    specs = tiny_specs(3)
    larger = with_settings(specs[0], {"training.batch_size": 16})
    told: list[tuple[int, int]] = []
    found = estimate([*specs, larger], 1, advance=lambda done, total: told.append((done, total)))
    assert measured == [specs[0].id, larger.id]
    assert (len(found.each), found.shapes) == (4, 2)
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch", [3, 8, 500])
def test_the_estimated_steps_are_those_of_a_run(measured, store, batch, drop_last):
    spec = with_settings(
        tuned("regression", "quadrant", "coordconv"),
        {**TINY, "training.batch_size": batch, "training.drop_last": drop_last},
    )
    record = run(spec, store)
    (seconds,) = estimate([spec], 1).each
    assert seconds == pytest.approx(record.steps * STEP, abs=1)


def test_machines_share_runs_but_do_not_split_one():
    found = Estimate([10.0, 20.0, 30.0], 2, 1)
    assert found.seconds(1) == 60
    assert found.seconds(2) == 30
    assert found.seconds(100) == 30
    assert Estimate([], 0, 1).seconds(3) == 0


def test_steps_are_measured_and_take_no_time_without_training():
    hand_built = with_settings(
        tuned("classification", "uniform", "coordconv"),
        {"model": {"kind": "hand-built-classifier"}, "training.epochs": 0},
    )
    found = estimate([*tiny_specs(1), hand_built], 1)
    assert all(seconds > 0 for seconds in found.each)
