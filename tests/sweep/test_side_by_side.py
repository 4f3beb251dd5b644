"""Runs in worker processes: the same bits as here, and no process or run is lost for good."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import with_settings
from coordconv_lab.reproduce import selected_specs
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study
from coordconv_lab.sweep import worker_pool
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.serial import run_serially
from coordconv_lab.train import SilentProgress
from tests.sweep.conftest import Listener, by_id, tiny_specs, tiny_sweep

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SPACE = """
name: long
search: grid
rows:
  - {task: regression, split: [uniform, quadrant], model: coordconv}
settings:
  data.canvas: [[20, 20]]
  training.epochs: [100000]
"""


def test_two_jobs_give_the_bits_of_one_with_the_same_number_of_threads(tmp_path):
    sweep, apart, alone = tiny_sweep(2), RunStore(tmp_path / "two"), RunStore(tmp_path / "one")
    first, second = Listener(), Listener()
    run_serially(sweep, apart, first, threads=1, jobs=2)
    run_serially(sweep, alone, second, threads=1, jobs=1)
    assert (first.begun, second.begun) == ([(4, 4, 2)], [(4, 4, 1)])
    found = by_id(apart, sweep.study.specs)
    assert found == by_id(alone, sweep.study.specs)
    assert None not in found.values()
    for spec in sweep.study.specs:
        ours, theirs = apart.record(spec), alone.record(spec)
        assert ours is not None
        assert theirs is not None
        assert ours.provenance.threads == theirs.provenance.threads == 1
        names = {path.name for path in apart.directory(spec).iterdir()}
        assert names == {path.name for path in alone.directory(spec).iterdir()}
    assert not multiprocessing.active_children()


class Killer(Listener):
    """Kills the worker of a run when the run starts, once."""

    def __init__(self, victim: ExperimentSpec) -> None:
        super().__init__()
        self.victim, self.killed = victim, False

    def of_run(self, number: int) -> "_Shot":
        return _Shot(self, number)


class _Shot(SilentProgress):
    def __init__(self, killer: Killer, number: int) -> None:
        self._killer, self._name = killer, f"coordconv-worker-{number}"

    def start(self, specs, steps: int) -> None:
        if specs[0].id == self._killer.victim.id and not self._killer.killed:
            self._killer.killed = True
            (worker,) = (
                each for each in multiprocessing.active_children() if each.name == self._name
            )
            worker.kill()


def test_failing_damaged_and_killed_runs_do_not_stop_the_others(store):
    good, other, hurt = tiny_specs(3)
    wild = with_settings(good, {"training.learning_rate": 1e30, "training.batch_size": 1})
    long = with_settings(good, {"training.epochs": 500})
    (store.open(hurt) / "checkpoint.ckpt").write_bytes(b"PK")
    sweep = Sweep(Study("tiny", "Does it run?", {"all": [wild, hurt, long, good, other]}))
    listener = Killer(long)
    said = run_serially(sweep, store, listener, jobs=2)
    assert "the loss became" in listener.attempts[wild.id].failure
    assert store.failure(wild)
    assert str(store.directory(hurt)) in listener.attempts[hurt.id].damage
    lost = listener.attempts[long.id].loss
    assert f"{long.run_name} was killed by signal 9" in lost
    assert "run the same command again to resume" in lost
    assert all(listener.attempts[each.id].record for each in (good, other))
    assert sorted(said) == sorted([listener.attempts[hurt.id].damage, lost])
    with store.held(long) as is_free:
        assert is_free


def _session(number: int) -> list[int]:
    """Return the processes of a session that are still running."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(session) == number and state != "Z":
            found.append(int(path.parent.name))
    return found


@contextmanager
def _started(place: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command with two workers in a session of its own."""
    with (place / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "coordconv_lab", *arguments, "--jobs", "2"],
            cwd=place,
            stdout=said,
            stderr=said,
            text=True,
            start_new_session=True,
            # A job in the background ignores Ctrl-C, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        yield process
    finally:
        for each in _session(process.pid):
            os.kill(each, signal.SIGKILL)
        process.wait()


@contextmanager
def _two_runs(place: Path) -> Iterator[tuple[subprocess.Popen[str], RunStore]]:
    """Start a sweep of two long runs, and wait until both have a checkpoint."""
    (place / "long.yaml").write_text(SPACE)
    store = RunStore(place / "runs" / "long")
    with _started(place, "sweep", "long.yaml") as process:
        _wait(lambda: len(list(store.root.glob("*/checkpoint.ckpt"))) == 2)
        yield process, store


@ON_LINUX
def test_ctrl_c_ends_all_workers_and_leaves_runs_to_resume(tmp_path):
    with _two_runs(tmp_path) as (process, store):
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        _wait(lambda: not _session(process.pid))
    first, *rest = (tmp_path / "said.txt").read_text().splitlines()
    assert first == "2 runs, 2 remaining, 2 in parallel"
    assert rest == ["coordconv: interrupted; run the same command again to continue"]
    for spec in store.specs():
        with store.held(spec) as is_free:
            assert is_free
        assert (store.directory(spec) / "checkpoint.ckpt").exists()


@ON_LINUX
def test_a_second_ctrl_c_also_ends_workers_that_do_not_react(tmp_path):
    with _two_runs(tmp_path) as (process, store):
        for each in _session(process.pid):
            if each != process.pid:
                os.kill(each, signal.SIGSTOP)
        os.kill(process.pid, signal.SIGINT)
        time.sleep(1)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        _wait(lambda: len(_session(process.pid)) <= 1)  # the resource tracker is still stopped
    said = (tmp_path / "said.txt").read_text().splitlines()[1:]
    assert said == ["coordconv: interrupted; run the same command again to continue"]
    assert all((store.directory(spec) / "checkpoint.ckpt").exists() for spec in store.specs())


@ON_LINUX
def test_workers_end_with_a_killed_command_even_if_they_wait_for_another_process(tmp_path):
    specs = selected_specs("tuned", ["regression"], ["quadrant"], ["coordconv"], seeds=2)
    options = ("--task", "regression", "--split", "quadrant", "--model", "coordconv")
    store = RunStore(tmp_path / "runs")
    with (
        store.held(specs[0]),
        store.held(specs[1]),
        _started(tmp_path, "reproduce", *options, "--seeds", "2") as process,
    ):
        said = tmp_path / "said.txt"
        _wait(lambda: said.read_text().count("waiting for another process") == 2)
        process.kill()
        process.wait()
        _wait(lambda: not _session(process.pid))
    # Python itself reports a process that was only being started; a worker would name its files.
    assert "coordconv_lab" not in said.read_text()


def _wait(until) -> None:
    deadline = time.monotonic() + 120
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_worker_that_cannot_start_ends_the_sweep_in_one_line(store, monkeypatch, capfd):
    monkeypatch.setattr(worker_pool, "work", os._exit)  # it takes a number
    with pytest.raises(InputError, match="ended with exit code 1 before its first run started"):
        run_serially(tiny_sweep(1), store, Listener(), jobs=2)
    assert "TypeError" in capfd.readouterr().err
    assert not multiprocessing.active_children()


def test_an_error_that_concerns_all_runs_ends_the_sweep(store, monkeypatch):
    monkeypatch.setenv("COORDCONV_PLUGINS", "gone.py")  # it is read by workers only
    with pytest.raises(InputError, match=r"cannot read the plug-in .*gone\.py"):
        run_serially(tiny_sweep(1), store, Listener(), jobs=2)
    assert not multiprocessing.active_children()
