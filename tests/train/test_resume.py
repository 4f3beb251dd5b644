"""A run that is killed and started again ends with the bits of one that was left alone."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import tuned, with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import run

PROGRAM = Path(__file__).with_name("killed_run.py")


def _kill_at(spec: ExperimentSpec, store: RunStore, step: int) -> None:
    spec_file = store.root.parent / "spec.json"
    spec_file.write_text(json.dumps(spec.model_dump(mode="json")))
    command = [sys.executable, PROGRAM, spec_file, store.root, str(step), "0"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([7], id="in the first epoch"),
        pytest.param([14], id="at the last step of an epoch"),
        pytest.param([15], id="at the first step of an epoch"),
        pytest.param([3, 20, 36], id="three times"),
    ],
)
def test_a_killed_run_goes_on_exactly_where_it_was(tiny, tmp_path, steps):
    untouched = run(tiny, RunStore(tmp_path / "untouched"))
    assert untouched.steps == 42  # 14 batches an epoch, 3 epochs
    store = RunStore(tmp_path / "killed")
    for step in steps:
        _kill_at(tiny, store, step)
    assert store.record(tiny) is None
    assert (store.directory(tiny) / "checkpoint.ckpt").exists()
    resumed = run(tiny, store)
    assert resumed.weights_sha256 == untouched.weights_sha256
    assert (resumed.steps, resumed.epochs) == (untouched.steps, untouched.epochs)
    assert resumed.scores == untouched.scores
    assert _curve(store, tiny) == _curve(RunStore(tmp_path / "untouched"), tiny)
    left_over = {path.name for path in store.directory(tiny).iterdir()}
    assert not {name for name in left_over if "checkpoint" in name}


def _curve(store: RunStore, spec: ExperimentSpec) -> list[list[str]]:
    """The rows of metrics.csv without the column that tells the time."""
    rows = (store.directory(spec) / "metrics.csv").read_text().splitlines()
    return [row.split(",")[:2] + row.split(",")[3:] for row in rows]


def test_batch_normalisation_and_early_stopping_resume_exactly_too(tmp_path):
    spec = with_settings(
        tuned("classification", "uniform", "coordconv"),
        {
            "data.canvas": (12, 13),
            "data.square": 3,
            "model.batch_norm": True,
            "training.early_stop_epochs": 2,
            "training.epochs": 3,
        },
    )
    untouched = run(spec, RunStore(tmp_path / "untouched"))
    store = RunStore(tmp_path / "killed")
    _kill_at(spec, store, 17)
    assert run(spec, store).weights_sha256 == untouched.weights_sha256


EARLY_STOP = {
    "data.canvas": (20, 22),
    "data.split": "uniform",
    "training.epochs": 12,
    "training.early_stop_epochs": 1,
}


@pytest.mark.parametrize("settings", [{}, EARLY_STOP], ids=["at its end", "stopped early"])
def test_a_run_killed_after_its_last_step_only_has_to_be_written_down(
    tiny, tmp_path, monkeypatch, settings
):
    spec = with_settings(tiny, settings)
    untouched = run(spec, RunStore(tmp_path / "untouched"))
    assert (untouched.epochs < spec.training.epochs) == bool(settings)
    store = RunStore(tmp_path / "killed")

    def die(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("coordconv_lab.train.experiment._write_down", die)
        with pytest.raises(RuntimeError, match="killed"):
            run(spec, store, checkpoint_seconds=0)
    resumed = run(spec, store)
    assert resumed.weights_sha256 == untouched.weights_sha256
    assert (resumed.steps, resumed.epochs) == (untouched.steps, untouched.epochs)
    assert _curve(store, spec) == _curve(RunStore(tmp_path / "untouched"), spec)


def test_a_damaged_checkpoint_is_named_and_nothing_is_lost(tiny, store):
    _kill_at(tiny, store, 7)
    checkpoint = store.directory(tiny) / "checkpoint.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"checkpoint\.ckpt is damaged"):
        run(tiny, store)
    assert checkpoint.stat().st_size == 1000
