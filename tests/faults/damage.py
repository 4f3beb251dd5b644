"""Check that every command detects damaged files without affecting other files.

Damages every kind of file that the laboratory reads, by truncation at several points and by
flipping one bit at many places. Then runs every command that reads such files, and checks that:

- it ends with exit code 0 or 2, and without a traceback;
- it names the damaged file, or prints and writes exactly the same as without the damage;
- it still reports the other runs;
- it changes and deletes no file, including the damaged one.

    python -m tests.faults.damage                     # all of it, half an hour
    python -m tests.faults.damage --flips 5           # a part
"""

import argparse
import io
import json
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import yaml

from coordconv_lab.cli import main
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.registry import registry
from coordconv_lab.results import RunStore
from coordconv_lab.results.files import write_json
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import SilentProgress, run
from tests.committed import OF_A_RUN, copy_runs

ROOT = Path(__file__).parents[2]
OUT = ROOT / "benchmarks" / "results" / "damage.json"
TINY = {"data.canvas": (14, 18), "data.square": 5, "training.epochs": 1}
SPACE = """
name: tiny
question: Does it run?
search: {search}
rows:
  - {{task: regression, split: quadrant, model: coordconv}}
settings:
  data.canvas: [[14, 18]]
  data.square: [5]
  training.epochs: [1]
  training.learning_rate: [0.01, 0.02]
"""
TOML = """
name = "tiny"
question = "Does it run?"
search = "grid"
rows = [{ task = "regression", split = "quadrant", model = "coordconv" }]

[settings]
"data.canvas" = [[14, 18]]
"data.square" = [5]
"training.epochs" = [1]
"training.learning_rate" = [0.01, 0.02]
"""


class Kind(NamedTuple):
    """A kind of file, and the commands that read it.

    Attributes:
        path: A file of this kind.
        said: By command, text about other runs that it must still print.
        is_ours: Whether the laboratory writes the file; damaged user files can still be valid.
    """

    path: str
    said: Mapping[str, str]
    is_ours: bool = True


def tiny(task: str, **settings: object) -> ExperimentSpec:
    return with_settings(tuned(task, "quadrant", "coordconv"), {**TINY, **settings})


REGRESSION, RENDERING = tiny("regression"), tiny("rendering")
SLOW, FAST = (tiny("regression", **{"training.learning_rate": rate}) for rate in (0.01, 0.02))
SLOWEST = "learning_rate 0.01"
BEGUN = tiny("regression", **{"training.epochs": 2})
COMMANDS: Mapping[str, Sequence[str]] = {
    "report": ("report", "--runs", "runs", "--results", "none", "--format", "markdown"),
    "reproduce": (
        *("reproduce", "--task", "regression", "rendering", "--split", "quadrant"),
        *("--model", "coordconv"),
    ),
    "claims": ("claims", "--results", "results"),
    "sweep show": ("sweep", "show", "tiny.yaml", "--runs", "grid"),
    "sweep": ("sweep", "tiny.yaml", "--runs", "grid"),
    "sweep show (toml)": ("sweep", "show", "tiny.toml", "--runs", "grid"),
    "sweep show (search)": ("sweep", "show", "search.yaml", "--runs", "search"),
    "inspect": ("inspect", f"runs/{REGRESSION.run_name}"),
    "inspect (file)": ("inspect", f"runs/{REGRESSION.run_name}/weights.safetensors"),
    "train": (
        *("train", "regression", "--split", "quadrant", "--runs", "begun"),
        *("--canvas", "14", "18", "--square", "5", "--epochs", "2"),
    ),
}
MADE = ("runs/report", "runs/summary.json", f"begun/{BEGUN.run_name}/", "search/sweep.lock")
"""Prefixes of the paths of files that commands replace."""

_OF_RUN, _STUDY = f"runs/{REGRESSION.run_name}", "results/tiling"
KINDS = {
    "spec.json": Kind(
        f"{_OF_RUN}/spec.json", {"report": "Rendering", "reproduce": "rendering", "inspect": ""}
    ),
    "record.json": Kind(
        f"{_OF_RUN}/record.json", {"report": "Rendering", "reproduce": "rendering", "inspect": ""}
    ),
    "metrics.csv": Kind(f"{_OF_RUN}/metrics.csv", {"report": "Rendering"}),
    "predictions.npz": Kind(f"{_OF_RUN}/predictions.npz", {"report": "Rendering"}),
    "sheet.png": Kind(f"runs/{RENDERING.run_name}/sheet.png", {"report": "Regression"}),
    "weights.safetensors": Kind(
        f"{_OF_RUN}/weights.safetensors", {"inspect": "", "inspect (file)": ""}
    ),
    "checkpoint.ckpt": Kind(f"begun/{BEGUN.run_name}/checkpoint.ckpt", {"train": ""}),
    "record.json of a sweep": Kind(
        f"grid/{SLOW.run_name}/record.json", {"sweep show": "1 failed: ", "sweep": "failed: "}
    ),
    "failure.json": Kind(
        f"grid/{FAST.run_name}/failure.json",
        {"sweep show": "learning_rate 0.01", "sweep": "learning_rate 0.01"},
    ),
    "proposals.json": Kind("search/proposals.json", {"sweep show (search)": ""}),
    "stopped.json": Kind(f"search/{FAST.run_name}/stopped.json", {"sweep show (search)": SLOWEST}),
    "record.json of a study": Kind(f"{_STUDY}/*/record.json", {"claims": " claims: "}),
    "metrics.csv of a study": Kind("results/long-training/*/metrics.csv", {"claims": " claims: "}),
    "space.yaml": Kind("tiny.yaml", {"sweep show": ""}, is_ours=False),
    "space.toml": Kind("tiny.toml", {"sweep show (toml)": ""}, is_ours=False),
}


class _Dies(SilentProgress):
    def advance(self, step: int, loss: Callable[[], float]) -> None:
        if step == 9:
            raise KeyboardInterrupt


def build(place: Path) -> None:
    """Create a file of every kind."""
    for spec in (REGRESSION, RENDERING):
        run(spec, RunStore(place / "runs"))
    with suppress(KeyboardInterrupt):
        run(BEGUN, RunStore(place / "begun"), _Dies(), checkpoint_seconds=0)
    run(SLOW, RunStore(place / "grid"), scores_only=True)
    RunStore(place / "grid").open(FAST)
    RunStore(place / "grid").give_up(FAST, "the loss became nan")
    _spaces(place)
    search = RunStore(place / "search")
    run(SLOW, search, scores_only=True)
    search.open(FAST)
    search.stop(FAST, {"epoch": 0.5, "score": 0.25})
    for study in ("tiling", "long-training"):
        _study(RunStore(place / "results" / study))


def _spaces(place: Path) -> None:
    (place / "tiny.yaml").write_text(SPACE.format(search="grid"))
    fields = yaml.safe_load(SPACE.format(search="optuna"))
    (place / "search.yaml").write_text(yaml.safe_dump({**fields, "trials": 2}))
    (place / "tiny.toml").write_text(TOML)
    proposed = [{path: value[0] for path, value in fields["settings"].items()} for _ in range(2)]
    proposed[1]["training.learning_rate"] = 0.02
    RunStore(place / "search").write_beside(
        "proposals.json", {"regression, quadrant, coordconv": proposed}
    )


def _study(store: RunStore) -> None:
    """Copy committed records, which have no digests, and rewrite them in the current format."""
    copy_runs(store.root.parent, store.root.name, names=OF_A_RUN)
    for directory, record in list(store.records()):
        hashed = {"metrics.csv": sha256((directory / "metrics.csv").read_bytes()).hexdigest()}
        store.finish(record.model_copy(update={"files_sha256": hashed}))


class Effect(NamedTuple):
    """Effect of a command: its exit code, its output and the hash of the trained weights."""

    code: int
    words: str
    weights: str


def effect(name: str) -> Effect:
    """Run a command in this directory."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main(list(COMMANDS[name]))
    written = Path("runs/report.md")
    if name == "report" and written.exists():
        said.write(written.read_text())
    weights = Path(f"begun/{BEGUN.run_name}/weights.safetensors")
    made = sha256(weights.read_bytes()).hexdigest() if weights.exists() else ""
    return Effect(code, re.sub(r"[\d.]+ (s|kB)\b", r"\1", said.getvalue()), made)


def files(place: Path) -> dict[str, bytes]:
    """Return the files of a directory that commands do not replace."""
    paths = {str(path.relative_to(place)): path for path in place.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in paths.items()
        if not name.startswith(MADE) or name.endswith("checkpoint.ckpt")
    }


class Laboratory:
    """A directory with a file of every kind, which is restored after every command.

    Args:
        folder: Parent directory.
    """

    def __init__(self, folder: Path) -> None:
        self._source, self.place = folder / "source", folder / "place"
        self._source.mkdir()
        build(self._source)
        self._restore()
        self._undamaged: dict[str, Effect] = {}

    def _restore(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self._source, self.place)

    def path(self, kind: Kind) -> Path:
        """Return the file of a kind."""
        return sorted(self.place.glob(kind.path))[0]

    def undamaged(self, command: str) -> Effect:
        """Return the effect of a command without damage."""
        if command not in self._undamaged:
            with chdir(self.place):
                self._undamaged[command] = effect(command)
            self._restore()
        return self._undamaged[command]

    def outcome(self, kind: Kind, command: str, content: bytes) -> str:
        """Damage a file, run a command, check its effect, and return how the damage was detected.

        Raises:
            AssertionError: A check failed.
        """
        usual, path = self.undamaged(command), self.path(kind)
        path.write_bytes(content)
        before = files(self.place)
        with chdir(self.place):
            found = effect(command)
        after = files(self.place)
        words = f"{command}: exit code {found.code}: {found.words[-600:]}"
        assert found.code in (0, 2), words
        assert kind.said[command] in found.words, words
        named = found.words.count(path.name) > usual.words.count(path.name)
        if not named and kind.is_ours:
            assert found == usual, f"not noticed: {words}"
        if named or found.code:  # otherwise a resumed run may finish and delete its checkpoint
            assert after == before, _changed(before, after)
        self._restore()
        if named:
            return "named"
        return "without effect" if found == usual else "valid, with another meaning"


def _changed(before: dict[str, bytes], after: dict[str, bytes]) -> str:
    return ", ".join(n for n in before | after if before.get(n) != after.get(n)) + " changed"


def cuts(content: bytes) -> list[bytes]:
    """Return truncated contents: empty, one byte, 1/4, 1/2, 3/4, and all but the last byte."""
    size = len(content)
    return [content[:at] for at in sorted({0, 1, size // 4, size // 2, size * 3 // 4, size - 1})]


def flips(content: bytes, count: int, draw: random.Random) -> list[bytes]:
    """Return contents with one flipped bit each, at random places."""
    found = []
    for place in draw.sample(range(8 * len(content)), min(count, 8 * len(content))):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        found.append(bytes(changed))
    return found


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Create a laboratory with a tiny recipe `tuned`, and delete it at the end."""
    recipes = registry().experiments["notsoclevr"].recipes
    usual = recipes["tuned"]

    def tiny_recipe(task: str, split: str, model: str, seed: int = 0) -> ExperimentSpec:
        return tiny(task, seed=seed)

    recipes["tuned"] = tiny_recipe
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Laboratory(Path(folder))
    finally:
        recipes["tuned"] = usual


def measure(lab: Laboratory, name: str, count: int, seed: int) -> dict[str, dict[str, int]]:
    """Damage a kind of file in all ways, and count by command how it was detected."""
    kind, draw = KINDS[name], random.Random(f"{name} {seed}")
    content = lab.path(kind).read_bytes()
    found: dict[str, dict[str, int]] = {}
    for command in kind.said:
        damaged = {"cut short": cuts(content), "one bit changed": flips(content, count, draw)}
        for how, contents in damaged.items():
            shown = Counter(lab.outcome(kind, command, each) for each in contents)
            found[f"{command}: {how}"] = dict(shown)
    return found


def main_program() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    content = {"flips": options.flips, "seed": options.seed, "kinds": {}}
    if options.out.exists():
        content = json.loads(options.out.read_text())
    with laboratory() as lab:
        for name in options.kinds:
            if name not in content["kinds"]:
                content["kinds"][name] = measure(lab, name, options.flips, options.seed)
                write_json(options.out, content)
                print(name, json.dumps(content["kinds"][name]), flush=True)


if __name__ == "__main__":
    main_program()
