"""A program for the tests: processes that die while they pack, or pack at the same time.

    python killed_packing.py DIRECTORY

DIRECTORY/source holds studies with finished runs. What was left is printed as JSON.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from coordconv_lab.results import RunStore
from coordconv_lab.results.checking import check
from coordconv_lab.results.packing import pack, unpack
from coordconv_lab.results.stored import read_stored

CHANGES = ("replace", "unlink", "rmdir")
"""Methods of paths that change a directory."""


def forked(work: Callable[[], object]) -> int:
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


def die_before_change(number: int) -> None:
    """Make this process die before it changes a directory for the nth time."""
    count = [0]

    def dying(method: Callable) -> Callable:
        def call(*arguments, **options):
            count[0] += 1
            if count[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*arguments, **options)

        return call

    for name in CHANGES:
        setattr(Path, name, dying(getattr(Path, name)))


def seen(place: Path) -> dict[str, str]:
    """Every file of every run by what readers find, in hexadecimal."""
    found = {}
    for study in sorted(place.glob("*/")):
        store = RunStore(study)
        for directory, _ in store.records():
            for name in ("record.json", "metrics.csv", "weights.safetensors", "spec.json"):
                found[f"{study.name}/{directory.name}/{name}"] = read_stored(directory / name).hex()
    return found


def done(work: Callable, place: Path) -> list[str]:
    damaged: list[str] = []
    work(place, (), damaged)
    return damaged


def files(place: Path) -> dict[str, str]:
    """Return the files except for locks, in hexadecimal."""
    return {
        path.relative_to(place).as_posix(): path.read_bytes().hex()
        for path in sorted(place.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


def killed(folder: Path, work: Callable, source: Path, wanted: Path) -> int:
    """Kill work at each of its changes; count the changes after which everything was right."""
    number = 0
    while True:
        number += 1
        place = folder / f"{work.__name__}-{number}"
        shutil.copytree(source, place)

        def die(number: int = number, place: Path = place) -> None:
            die_before_change(number)
            done(work, place)

        code = outcome(forked(die))
        assert seen(place) == seen(source), number
        assert done(work, place) == [], number
        assert files(place) == files(wanted), number
        if code == 0:
            return number - 1
        assert code == -signal.SIGKILL
        shutil.rmtree(place)


def main(folder: Path) -> None:
    source, packed, together = folder / "source", folder / "packed", folder / "together"
    shutil.copytree(source, packed)
    assert done(pack, packed) == []
    report = {
        "pack": killed(folder, pack, source, packed),
        "unpack": killed(folder, unpack, packed, source),
    }
    shutil.copytree(source, together)
    names = [study.name for study in sorted(source.glob("*/"))]
    processes = [forked(lambda name=name: pack(together, [name], [])) for name in [*names, *names]]
    report["together"] = [outcome(each) for each in processes]
    report["same"] = files(together) == files(packed)
    report["problems"] = done(check, together)
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
