"""Check that commands that are killed repeatedly produce the same results as undisturbed ones.

Kills `coordconv reproduce` and `coordconv sweep` with signal 9 at random moments, restarts them
until they are done, and compares the results. Can be interrupted and resumed. Writes JSON; see
benchmarks/README.md.

    python -m tests.faults.kills                                  # a hundred of each, 20 minutes
    python -m tests.faults.kills --commands sweep --moments 10    # a part
    python -m tests.faults.kills --commands sweep-ray --moments 30    # 25 minutes
"""

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import coordconv_lab.reproduce
import coordconv_lab.sweep.serial  # noqa: F401  (all that is heavy is loaded once, here)
from coordconv_lab.cli import main as coordconv
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.registry import registry
from coordconv_lab.results import RunStore
from coordconv_lab.results.files import write_json
from coordconv_lab.train import experiment
from coordconv_lab.train.checkpoint import Checkpoint
from coordconv_lab.train.provenance import processor_name

OUT = Path(__file__).parents[2] / "benchmarks" / "results" / "kills.json"
CHECKPOINT_SECONDS = 0.05
SETTINGS = {"data.canvas": (14, 18), "data.square": 5, "training.epochs": 12}
SPACE = """
name: killed
question: Does it end as it should?
search: grid
rows:
  - {task: regression, split: quadrant, model: coordconv}
settings:
  training.learning_rate: [0.01, 0.02, 0.04]
  data.canvas: [[14, 18]]
  data.square: [5]
  training.epochs: [%d]
"""
EPOCHS = {"sweep-ray": 200}  # so that training takes as long as starting Ray

SWEEP = ["sweep", "space.yaml", "--keep-weights", "--runs", "runs"]
COMMANDS: Mapping[str, Sequence[str]] = {
    "reproduce": [
        *("reproduce", "--task", "regression", "rendering", "--split", "quadrant"),
        *("--model", "coordconv", "--jobs", "1"),
    ],
    "sweep": [*SWEEP, "--jobs", "1"],
    "sweep-ray": [*SWEEP, "--engine", "ray"],
}


class Command:
    """A command in its own process group and directory.

    The process is a fork of this one, so that torch is imported only once. It runs the command
    line, with small canvases and a checkpoint at almost every step.
    """

    def __init__(self, name: str, place: Path) -> None:
        place.mkdir(exist_ok=True)
        self._in_workers = name == "sweep-ray"
        self._begun = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(_run(name, place))

    @property
    def seconds(self) -> float:
        """Return its CPU time, which unlike wall time does not depend on the load of the machine.

        Wall time, if other processes compute for it.
        """
        if self._in_workers:
            return time.monotonic() - self._begun
        try:
            return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9
        except OSError:
            return 0.0

    def ended(self) -> int | None:
        """Return its exit code, or None if it is still running."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def kill(self) -> None:
        """Kill its process group and child processes.

        If other processes compute for it, kill only the process itself: the others must notice.
        """
        if self._in_workers:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            return
        family = _descendants(self.pid)
        os.killpg(self.pid, signal.SIGKILL)
        for pid in family:
            with suppress(ProcessLookupError):  # it was in the group
                os.kill(pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _run(name: str, place: Path) -> int:
    os.setsid()
    os.chdir(place)
    said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    Path("space.yaml").write_text(SPACE % EPOCHS.get(name, 8))
    experiment.Checkpoint = lambda directory, specs, _: Checkpoint(
        directory, specs, CHECKPOINT_SECONDS
    )
    if name == "reproduce":
        short = lambda *row: with_settings(tuned(*row), SETTINGS)  # noqa: E731
        registry().experiments["notsoclevr"].recipes["tuned"] = short
    try:
        return coordconv(COMMANDS[name])
    except BaseException as error:
        os.write(2, f"traceback: {error!r}\n".encode())
        return 99


def _descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found


def phase(place: Path) -> str:
    """Return the phase in which a command was killed, judging by its files."""
    runs = place / "runs"
    unfinished = sorted(runs.rglob(".*.unfinished"))
    if unfinished:
        return f"inside the write of {unfinished[0].name[1:].rsplit('.', 2)[0]}"
    begun = [path.parent for path in runs.glob("*/spec.json")]
    open_runs = [run for run in begun if not (run / "record.json").exists()]
    at_work = [run for run in open_runs if (run / "run.lock").exists()]
    if not begun:
        return "before the first spec"
    if not open_runs:
        return "after the last record so far"
    if not at_work:
        return "before a run"
    if (at_work[0] / "metrics.csv").exists():
        return "between the writes of a finished net"
    checkpoint = (at_work[0] / "checkpoint.ckpt").exists()
    return "in training, with a checkpoint" if checkpoint else "in training, no checkpoint yet"


def check(place: Path) -> None:
    """Check that all files are complete, and match their names and records."""
    store = RunStore(place / "runs")
    list(store.specs())  # checks that specs match their directories
    for directory, record in store.records():
        for path in directory.iterdir():
            if path.is_file():
                record.check_file(path)


def result(place: Path) -> dict[str, object]:
    """Return the names of all files, and the hashes of weights and predictions."""
    runs, found = place / "runs", {}
    for path in sorted(runs.rglob("*")):
        name = str(path.relative_to(runs))
        if path.is_dir() or "tensorboard" in name:
            continue
        hashed = path.suffix in (".safetensors", ".npz", ".png") or path.name == "spec.json"
        found[name] = sha256(path.read_bytes()).hexdigest() if hashed else ""
    for directory, record in RunStore(runs).records():
        found[f"{directory.name}: scores"] = [record.scores, record.steps]
    return found


def left_alone(name: str) -> tuple[dict[str, object], float]:
    """Return the result of an undisturbed command, and its time."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "place"
        command, seconds = Command(name, place), 0.0
        while (code := command.ended()) is None:
            seconds = max(seconds, command.seconds)
            time.sleep(0.001)
        assert code == 0, (place / "said.txt").read_text()
        return result(place), seconds


def kill_at(name: str, place: Path, seconds: float) -> bool:
    """Start the command and kill it at a moment; return whether it was still running."""
    command = Command(name, place)
    while command.seconds < seconds:
        if (code := command.ended()) is not None:
            assert code == 0, (place / "said.txt").read_text()
            return False
        time.sleep(0.0005)
    command.kill()
    return True


class Chain:
    """Kills and restarts of a command, in one directory until it is done, then in the next."""

    def __init__(self, name: str, folder: Path, out: dict) -> None:
        self.name, self.out = name, out
        self._expected, self.seconds = left_alone(name)
        self._place, self._fresh = folder / name, True

    def kill(self, moment: float) -> None:
        """Kill at a fraction of the undisturbed time, in a new directory if this one is done."""
        while not kill_at(self.name, self._place, moment * self.seconds):
            if self._fresh:  # a fresh run ended before this moment
                moment *= 0.97
            self._compare()
        self._fresh = False
        check(self._place)
        self.out["phases"].append(phase(self._place))

    def finish(self) -> None:
        """Run the command to its end."""
        while kill_at(self.name, self._place, float("inf")):
            pass
        self._compare()

    def _compare(self) -> None:
        check(self._place)
        found = result(self._place)
        assert found == self._expected, _difference(found, self._expected)
        self.out["completions that equal the uninterrupted one"] += 1
        shutil.rmtree(self._place)
        self._fresh = True


def _difference(found: dict, expected: dict) -> str:
    keys = [key for key in found | expected if found.get(key) != expected.get(key)]
    return "\n".join(f"{key}: {found.get(key)} instead of {expected.get(key)}" for key in keys)


def measure(name: str, moments: int, path: Path, content: dict) -> None:
    """Kill a command at moments spread over its undisturbed time, in random order."""
    row = {"kills": 0, "completions that equal the uninterrupted one": 0, "phases": []}
    out = content["commands"].setdefault(name, row)
    draw = random.Random(f"{name} {content['seed']}")
    at = [(index + draw.random()) / moments for index in range(moments)]
    draw.shuffle(at)
    if out["kills"] >= moments:
        return
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(name, Path(folder), out)
        out["seconds of computing, uninterrupted"] = round(chain.seconds, 2)
        for index in range(out["kills"], moments):
            chain.kill(at[index])
            out["kills"] = len(out["phases"])
            write_json(path, content)
            if index % 10 == 9:
                print(f"{name}: {index + 1} of {moments}", flush=True)
        chain.finish()
    out["kills by phase"] = dict(Counter(out["phases"]).most_common())
    write_json(path, content)
    print(f"{name}: {json.dumps(out['kills by phase'])}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=["reproduce", "sweep"])
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    content = {"processor": processor_name(), "seed": options.seed, "commands": {}}
    if options.out.exists():
        content = json.loads(options.out.read_text())
    for name in options.commands:
        measure(name, options.moments, options.out, content)


if __name__ == "__main__":
    main()
