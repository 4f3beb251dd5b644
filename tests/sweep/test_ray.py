"""Sweeps on Ray, on this machine."""

import importlib
import json
from pathlib import Path

import pytest

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.studies import Study
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.on_ray import RayOptions, run_on_ray
from coordconv_lab.sweep.outcome import outcome
from coordconv_lab.sweep.serial import run_serially
from tests.ray_here import ray_here
from tests.sweep.conftest import TINY, Listener, by_id, tiny_specs, tiny_sweep

__all__ = ["ray_here"]

pytestmark = pytest.mark.usefixtures("ray_here")


def test_both_engines_produce_the_same_records(store, tmp_path, listener):
    """Both use one thread, since bits depend on the number of threads."""
    sweep, place = tiny_sweep(3), tmp_path / "ray"
    wild = {"training.learning_rate": 1e30, "training.batch_size": 1}
    failing = with_settings(tiny_specs(1)[0], wild)
    rows = {**sweep.study.arms, "wild": [failing]}
    sweep = Sweep(sweep.study._replace(arms=rows))
    run_serially(sweep, store, Listener(), threads=1)
    run_on_ray(sweep, str(place), listener)
    assert listener.begun[0][:2] == (7, 7)
    assert by_id(RunStore(place), sweep.study.specs) == by_id(store, sweep.study.specs)
    assert "the loss became" in listener.attempts[failing.id].failure
    again = Listener()
    run_on_ray(sweep, str(place), again)
    assert again.begun[0][:2] == (0, 7)


def test_the_benchmark_of_both_engines_compares_their_records(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    sweep_engines = importlib.import_module("sweep_engines")
    out = tmp_path / "engines.json"
    sweep_engines.main(["--sweep", "paper-regression", "--limit", "2", "--out", str(out)])
    found = json.loads(out.read_text())
    assert found["records"] == {"serial": 2, "ray": 2}
    assert found["differing"] == []


def test_worse_runs_stop_early_and_can_be_resumed(tmp_path):
    good = with_settings(tiny_specs(1)[0], {**TINY, "training.curve_points": 6})
    rates = [0.01, 1e-6, 2e-6]
    specs = [with_settings(good, {"training.learning_rate": rate}) for rate in rates]
    sweep = Sweep(Study("early", "Who is best?", {"row": specs}))
    early, again, late = Listener(), Listener(), Listener()
    run_on_ray(sweep, str(tmp_path), early, options=RayOptions(early_stopping=True))
    assert early.stops
    assert specs[0].id in early.attempts
    assert {*early.stops, *early.attempts} == {spec.id for spec in specs}
    (row,) = outcome(sweep, RunStore(tmp_path))
    assert row.stopped == set(early.stops)
    run_on_ray(sweep, str(tmp_path), again, options=RayOptions(early_stopping=True))
    assert not again.attempts
    run_on_ray(sweep, str(tmp_path), late)
    assert {*late.attempts} == {*early.stops}


def test_a_run_larger_than_the_machine_is_refused(tmp_path, listener):
    with pytest.raises(
        InputError, match="a run needs 1000 cores and 0 GPUs, but the cluster has only"
    ):
        run_on_ray(tiny_sweep(1), str(tmp_path), listener, options=RayOptions(cpus_per_run=1000))
