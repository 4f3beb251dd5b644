"""A program for the tests: processes that die inside a write, or train at the same time.

It imports torch once, with one thread; all of its processes are forks.

    python forked.py DIRECTORY
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import SilentProgress, run

SETTINGS = {
    "data.canvas": (14, 18),
    "data.square": 5,
    "training.epochs": 1,
    "training.curve_points": 2,
}
SPEC = with_settings(tuned("rendering", "quadrant", "coordconv"), SETTINGS)
OTHER = with_settings(SPEC, {"seed": 1})
KINDS = (
    *("spec.json", "checkpoint.ckpt", "metrics.csv", "predictions.npz", "sheet.png"),
    *("weights.safetensors", "record.json"),
)


def forked(work: Callable[[], object]) -> int:
    """Call a function in a new process, and return its id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def outcome(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_in_write_of(name: str) -> None:
    """Make this process die after it has written a file, but before it renames the file."""
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    Path.replace = replace


def names(store: RunStore) -> list[str]:
    """Return the files of the runs, without those of TensorBoard."""
    paths = [path for path in store.root.rglob("*") if path.is_file()]
    return sorted(path.name for path in paths if path.parent.name != "tensorboard")


def writes(folder: Path) -> dict[str, object]:
    """Die inside the write of each kind of file in turn, then run to the end."""
    untouched, store, left = RunStore(folder / "untouched"), RunStore(folder / "killed"), {}
    assert outcome(forked(lambda: run(SPEC, untouched))) == 0
    for name in KINDS:

        def work(name: str = name) -> None:
            die_in_write_of(name)
            run(SPEC, store, checkpoint_seconds=0)

        assert outcome(forked(work)) == -signal.SIGKILL
        left[name] = [each for each in names(store) if each.endswith(".unfinished")]
    assert outcome(forked(lambda: run(SPEC, store, checkpoint_seconds=0))) == 0
    return {
        "left": left,
        "names": [names(untouched), names(store)],
        "weights": [untouched.record(SPEC).weights_sha256, store.record(SPEC).weights_sha256],
    }


class _Counting(SilentProgress):
    """Progress that records which process trained which run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, specs: list, steps: int) -> None:
        (self._folder / f"trained-{specs[0].seed}-{os.getpid()}").touch()


def together(folder: Path) -> dict[str, object]:
    """Start two processes for the same run, one of which waits, and a third for another run."""
    store, begun = RunStore(folder / "runs"), [SPEC, SPEC, OTHER]
    works = [lambda s=s: run(s, store, _Counting(folder), wait_seconds=120) for s in begun]
    codes = [outcome(pid) for pid in [forked(work) for work in works]]
    return {
        "codes": codes,
        "trained": sorted(path.name.split("-")[1] for path in folder.glob("trained-*")),
        "records": [store.record(spec) is not None for spec in (SPEC, OTHER)],
        "names": names(store),
    }


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print(json.dumps({"writes": writes(place / "writes"), "together": together(place)}))
