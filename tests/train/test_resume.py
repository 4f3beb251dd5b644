"""A killed and resumed run has bitwise the same result as an uninterrupted one."""

import io
import itertools
import json
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest
import torch

from coordconv_lab.errors import DamagedError, InputError, LockedError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import run

PROGRAM = Path(__file__).with_name("killed_run.py")


@cache
def _program() -> subprocess.Popen[str]:
    """Start the program, which ends at the end of its input."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, PROGRAM], **pipes)


def _kill_at(spec: ExperimentSpec, store: RunStore, step: int) -> None:
    program = _program()
    assert program.stdin
    assert program.stdout
    print(
        json.dumps([spec.model_dump(mode="json"), str(store.root), step]),
        file=program.stdin,
        flush=True,
    )
    assert int(program.stdout.readline()) == -signal.SIGKILL


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([7], id="in the first epoch"),
        pytest.param([14], id="at the last step of an epoch"),
        pytest.param([15], id="at the first step of an epoch"),
        pytest.param([3, 20, 36], id="three times"),
    ],
)
def test_a_killed_run_resumes_exactly(tiny, tmp_path, steps):
    untouched = run(tiny, RunStore(tmp_path / "untouched"))
    assert untouched.steps == 42  # 14 batches per epoch, 3 epochs
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
    """Return the rows of metrics.csv without the column of times."""
    rows = (store.directory(spec) / "metrics.csv").read_text().splitlines()
    return [row.split(",")[:2] + row.split(",")[3:] for row in rows]


def test_batch_normalization_and_early_stopping_resume_exactly(tmp_path):
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


@pytest.mark.slow("training")
@pytest.mark.parametrize("settings", [{}, EARLY_STOP], ids=["at its end", "stopped early"])
def test_a_run_killed_after_its_last_step_is_only_recorded(tiny, tmp_path, monkeypatch, settings):
    spec = with_settings(tiny, settings)
    untouched = run(spec, RunStore(tmp_path / "untouched"))
    assert (untouched.epochs < spec.training.epochs) == bool(settings)
    store = RunStore(tmp_path / "killed")

    def die(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("coordconv_lab.train.experiment.write_run", die)
        with pytest.raises(RuntimeError, match="killed"):
            run(spec, store, checkpoint_seconds=0)
    resumed = run(spec, store)
    assert resumed.weights_sha256 == untouched.weights_sha256
    assert (resumed.steps, resumed.epochs) == (untouched.steps, untouched.epochs)
    assert _curve(store, spec) == _curve(RunStore(tmp_path / "untouched"), spec)


def test_a_damaged_checkpoint_is_named_and_kept(tiny, store):
    _kill_at(tiny, store, 7)
    checkpoint = store.directory(tiny) / "checkpoint.ckpt"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[:1000])
    with pytest.raises(InputError, match=r"checkpoint\.ckpt is damaged"):
        run(tiny, store)
    assert checkpoint.stat().st_size == 1000


def test_a_flipped_bit_in_a_checkpoint_is_detected(tiny, store):
    _kill_at(tiny, store, 7)
    checkpoint = store.directory(tiny) / "checkpoint.ckpt"
    mark, _, whole = checkpoint.read_bytes().partition(b"\n")
    state = torch.load(io.BytesIO(whole), weights_only=True)
    number = state["nets"][0]["layers.2.weight"].flatten()[0]
    at = whole.index(number.numpy().tobytes())
    changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    read = torch.load(io.BytesIO(changed), weights_only=True)
    assert read["nets"][0]["layers.2.weight"].flatten()[0] != number
    checkpoint.write_bytes(mark + b"\n" + changed)
    with pytest.raises(InputError, match=r"checkpoint\.ckpt is damaged"):
        run(tiny, store)


def test_a_checkpoint_without_a_digest_is_refused(tiny, store):
    _kill_at(tiny, store, 7)
    checkpoint = store.directory(tiny) / "checkpoint.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes().partition(b"\n")[2])
    with pytest.raises(DamagedError, match=r"checkpoint\.ckpt"):
        run(tiny, store)


def test_leftovers_of_a_process_killed_after_recording_are_deleted(tiny, store):
    run(tiny, store)
    directory = store.directory(tiny)
    names = {path.name for path in directory.iterdir()}
    for name in ("checkpoint.ckpt", ".checkpoint.ckpt.12345678.unfinished", "run.lock"):
        (directory / name).write_bytes(b"left")
    run(tiny, store)
    assert {path.name for path in directory.iterdir()} == names


def test_a_locked_run_is_not_deleted(tiny, store):
    with store.held(tiny), pytest.raises(LockedError, match="omit --fresh"):
        RunStore(store.root).delete(tiny)
    assert (store.directory(tiny) / "spec.json").exists()
    store.delete(tiny)
    assert not store.directory(tiny).exists()


def test_changes_of_the_clock_do_not_affect_durations_or_order(tiny, store, monkeypatch):
    now = itertools.count(2e9, -3600)
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    record = run(tiny, store)
    rows = (store.directory(tiny) / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("seconds")
    seconds = [float(row.split(",")[column]) for row in rows[1:]]
    assert record.seconds >= seconds[-1] >= 0
    assert seconds == sorted(seconds)
    assert next(now) < 2e9 - 3600
