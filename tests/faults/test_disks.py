"""Full and read-only disks are reported in one line, and nothing is lost."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coordconv_lab.cli import main
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import run

SPEC = with_settings(
    tuned("rendering", "quadrant", "coordconv"),
    {"data.canvas": (14, 18), "data.square": 5, "training.epochs": 1},
)
TRAIN = ("train", "rendering", "--split", "quadrant", "--canvas", "14", "18", "--square", "5")


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[[str], Path]]:
    """Yield a function that mounts a disk in memory, also repeatedly with other options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mounted(options: str) -> Path:
        again = "remount," if os.path.ismount(place) else ""
        mount = ["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", place]
        try:
            done = subprocess.run(mount, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount here")
        if done.returncode:
            pytest.skip(f"no disk can be made here: {done.stderr.strip()}")
        return place

    yield mounted
    if os.path.ismount(place):
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return run(SPEC, RunStore(tmp_path_factory.mktemp("untouched")))


@pytest.mark.parametrize("size", ["4k", "24k", "64k"])
def test_a_run_resumes_after_a_full_disk_has_space(disk, untouched, size):
    store = RunStore(disk(f"size={size}"))
    with pytest.raises(InputError, match="No space left on device"):
        run(SPEC, store, checkpoint_seconds=0)
    assert store.record(SPEC) is None
    assert not list(store.root.rglob("*.unfinished"))
    disk("size=10m")
    assert run(SPEC, store).weights_sha256 == untouched.weights_sha256


def test_a_read_only_disk_stops_a_run_in_one_line_and_is_still_readable(
    disk, untouched, capsys, tmp_path
):
    place = disk("size=10m")
    run(SPEC, RunStore(place))
    disk("ro")
    assert main([*TRAIN, "--epochs", "2", "--runs", str(place)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("coordconv: cannot write")
    assert "Read-only file system" in said
    assert run(SPEC, RunStore(place)).weights_sha256 == untouched.weights_sha256
    assert main(["report", "--runs", str(place), "--out", str(tmp_path / "page.html")]) == 0
    assert main(["report", "--runs", str(place)]) == 2


@pytest.mark.parametrize("blocks", [0, 1])
def test_unwritable_events_stop_a_run_in_one_line(blocks, disk, capsys):
    spec_alone = 4096
    place = disk(f"size={spec_alone + 4096 * blocks}")
    rows = ("--epochs", "1", "--set", "training.curve_points=27")
    assert main([*TRAIN, *rows, "--runs", str(place)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "tfevents" in said
    assert "No space left on device" in said


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_an_unusable_directory_is_reported_in_one_line(number, tmp_path, monkeypatch, capsys):
    def refuse(path: object, flags: int, *rest: object, **more: object) -> int:
        if flags & os.O_CREAT:
            raise OSError(number, os.strerror(number))
        return opened(path, flags, *rest, **more)

    opened = os.open
    monkeypatch.setattr(os, "open", refuse)
    assert main([*TRAIN, "--runs", str(tmp_path / "runs")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert os.strerror(number) in lines[0]
