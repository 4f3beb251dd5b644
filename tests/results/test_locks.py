"""Locks are exclusive between processes, also on file systems without locks."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coordconv_lab.errors import InputError, LockedError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.results import RunStore, locks
from coordconv_lab.results.locks import locked, marker_of
from coordconv_lab.results.store import LOCK
from coordconv_lab.sweep.lookup import sweep_named
from coordconv_lab.sweep.plan import planned

NUMBERS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF, errno.EIO)
SPEC = tuned("regression", "quadrant", "coordconv")

HOLDER = """
import errno, fcntl, os, sys, time
from pathlib import Path
from coordconv_lab.results.locks import locked

def refuse(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

if sys.argv[2] == "without":
    fcntl.flock = refuse
with locked(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=NUMBERS, ids=[errno.errorcode[number] for number in NUMBERS])
def no_locks(request, monkeypatch):
    """Simulate a file system whose flock fails."""

    def refuse(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)
    locks._tell_once.cache_clear()


def holder(path: Path, how: str) -> subprocess.Popen:
    """Start another process that holds a lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path, how], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"True\n"
    return process


def test_a_lock_is_held_once_and_released(no_locks, tmp_path, capsys):
    path = tmp_path / "a.lock"
    for _ in range(2):
        with locked(path) as first, locked(path) as second:
            assert (first, second) == (True, False)
    assert list(tmp_path.iterdir()) == []
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "does not support file locks" in said[0]


def test_working_locks_write_no_marker_and_no_message(tmp_path, capsys):
    path = tmp_path / "a.lock"
    with locked(path) as first, locked(path) as second:
        assert (first, second) == (True, False)
        assert not marker_of(path).exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("how", ["with", "without"])
def test_a_process_that_dies_releases_its_lock(how, tmp_path, monkeypatch):
    path = tmp_path / "a.lock"
    other = holder(path, how)
    if how == "without":
        monkeypatch.setattr(locks, "_has_locks", lambda _: False)
    with locked(path) as held:
        assert not held
    other.send_signal(signal.SIGKILL)
    other.wait()
    with locked(path) as held:
        assert held


def test_an_old_lock_file_does_not_block(no_locks, tmp_path):
    path = tmp_path / "a.lock"
    path.touch()  # like a leftover of a run that was copied from another file system
    with locked(path) as held:
        assert held


def test_the_marker_of_another_machine_is_named(no_locks, tmp_path):
    store = RunStore(tmp_path)
    marker = marker_of(store.open(SPEC) / LOCK)
    marker.write_text("1\nanother-machine\n")
    began = time.monotonic()
    with store.held(SPEC) as held:
        assert not held
    assert time.monotonic() - began < 30
    with pytest.raises(LockedError) as raised, store.record_or_lock(SPEC):
        pass
    assert str(raised.value).endswith(f"; if that process is dead, delete {marker}")
    with pytest.raises(LockedError, match="if that process is dead, delete"):
        store.delete(SPEC)
    marker.unlink()
    with store.record_or_lock(SPEC) as record:
        assert record is None
    store.delete(SPEC)
    assert not store.directory(SPEC).exists()


def test_a_run_is_locked_once_and_leaves_no_lock_when_done(no_locks, tmp_path):
    store = RunStore(tmp_path)
    with store.held(SPEC) as first, RunStore(tmp_path).held(SPEC) as second:
        assert (first, second) == (True, False)
    assert [path.name for path in store.directory(SPEC).iterdir()] == ["spec.json"]


def test_a_search_is_locked_once(no_locks, tmp_path):
    pytest.importorskip("optuna")
    space = tmp_path / "space.yaml"
    space.write_text("name: a\nsearch: optuna\ntrials: 1\nrows: [{task: regression}]\n"
                     "settings: {training.learning_rate: {low: 0.01, high: 0.1}}\n")  # fmt: skip
    sweep, store = sweep_named(str(space), {}, ""), RunStore(tmp_path / "runs")
    with (
        planned(sweep, store),
        pytest.raises(InputError, match=r"the search in .* is locked .* delete"),
    ):
        planned(sweep, store).__enter__()
    with planned(sweep, store):
        pass


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
def test_a_lock_file_has_the_default_permissions_of_the_umask(mask, tmp_path):
    before = os.umask(mask)
    try:
        with locked(tmp_path / "a.lock"):
            assert (tmp_path / "a.lock").stat().st_mode & 0o777 == 0o666 & ~mask
    finally:
        os.umask(before)
