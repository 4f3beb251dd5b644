"""Time until a network is perfect: our recipe and published settings, in turn, over seeds.

Perfect means that every training and test example is correct, or for rendering a mean intersection
over union of 0.99 on both sides. Each run is a separate process. Our recipes are `fast` and
`tuned`: their time is that of the complete run, which must be perfect at the end. Published
settings are in ordinary.py: their time ends with the first epoch after which the network is
perfect, or with the cap. The program writes JSON, from which `make speed` writes a table and a
figure; see benchmarks/README.md.

    python benchmarks/time_to_perfect.py                               # everything, several hours
    python benchmarks/time_to_perfect.py --tasks regression --seeds 1  # a part
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from measure import FOLDER, machine, write_json

TASKS = ("classification", "regression", "rendering")
SPLITS = ("uniform", "quadrant")
LONG = "fast, three times as long"
WAYS = ("fast", "tuned", "paper", "tutorial", LONG)
Key = tuple[str, str, str, int]


def run_ours(task: str, split: str, way: str, seed: int) -> dict:
    """Train with one of our recipes to the end."""
    from ordinary import GOALS

    from coordconv_lab.experiments.notsoclevr.recipes import fast, tuned
    from coordconv_lab.recipes import with_settings
    from coordconv_lab.results import RunStore
    from coordconv_lab.train import run

    recipe = tuned if way == "tuned" else fast
    spec = recipe(task, split, "coordconv", seed)
    if way == LONG:
        spec = with_settings(spec, {"training.epochs": 3 * spec.training.epochs})
    with tempfile.TemporaryDirectory() as folder:
        record = run(spec, RunStore(folder))
    _, goal = GOALS[task]
    scores = [record.train_score, record.test_score]
    return {
        "perfect": min(scores) >= goal,
        "seconds": record.seconds,
        "steps": record.steps,
        "epochs": record.epochs,
        "history": [[round(record.seconds, 3), *scores]],
    }


def run_one(task: str, split: str, way: str, seed: int, cap: float) -> dict:
    """Train one network in this process."""
    if way not in ("paper", "tutorial"):
        return run_ours(task, split, way, seed)
    from ordinary import train_until_perfect

    return train_until_perfect(task, split, way, seed, cap)


def in_a_process(key: Key, cap: float) -> dict:
    """Train one network in its own process and return the result."""
    command = [sys.executable, __file__, "--one", json.dumps([*key, cap])]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output.splitlines()[-1])


def keys(options: argparse.Namespace) -> Iterator[Key]:
    """Yield all requested runs: all settings in turn, then the next seed."""
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for task in options.tasks:
            for split in options.splits:
                for way in options.ways:
                    yield task, split, way, seed


def key_of(run: dict) -> Key:
    return run["task"], run["split"], run["way"], run["seed"]


def place(run: dict) -> tuple[int, int, int, int]:
    """Return the sort key of a run in the file."""
    task, split, way, seed = key_of(run)
    return TASKS.index(task), SPLITS.index(split), WAYS.index(way), seed


def ratios(runs: Sequence[dict], task: str, split: str, way: str) -> list[float]:
    """Return the seconds of a setting relative to the recipe `fast`, for every seed with both."""
    seconds = {key_of(run)[2:]: run["seconds"] for run in runs if place_of(run) == (task, split)}
    seeds = sorted(seed for name, seed in seconds if name == way and ("fast", seed) in seconds)
    return [seconds[way, seed] / seconds["fast", seed] for seed in seeds]


def place_of(run: dict) -> tuple[str, str]:
    return run["task"], run["split"]


def print_summary(runs: Sequence[dict]) -> None:
    """Print a line for each task, split and setting."""
    for task in TASKS:
        for split in SPLITS:
            for way in WAYS:
                chosen = [run for run in runs if key_of(run)[:3] == (task, split, way)]
                if not chosen:
                    continue
                perfect = sum(run["perfect"] for run in chosen)
                seconds = [run["seconds"] for run in chosen]
                line = (
                    f"{task}, {split}, {way}: perfect {perfect} of {len(chosen)}, "
                    f"{statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})"
                )
                times = ratios(runs, task, split, way)
                if way != "fast" and times:
                    line += (
                        f"; {statistics.median(times):.1f} times fast "
                        f"({min(times):.1f} to {max(times):.1f})"
                    )
                print(line)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    parser.add_argument("--splits", nargs="*", default=list(SPLITS), choices=SPLITS)
    parser.add_argument(
        "--ways", nargs="*", default=["fast", "tuned", "paper", "tutorial"], choices=WAYS
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--cap", type=float, default=600, help="maximum training time in seconds")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "time_to_perfect.json")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        task, split, way, seed, cap = json.loads(options.one)
        print(json.dumps(run_one(task, split, way, seed, cap)))
        return
    content = {"machine": machine(), "runs": []}
    if options.out.exists():
        content = json.loads(options.out.read_text())
        if content["machine"] != machine():
            raise SystemExit(f"{options.out} was measured elsewhere; choose another --out")
    done = {key_of(run): run for run in content["runs"]}
    todo = [key for key in keys(options) if key not in done]
    for number, key in enumerate(todo, start=1):
        names = dict(zip(("task", "split", "way", "seed"), key, strict=True))
        load = os.getloadavg()[0]
        done[key] = {**names, "cap": options.cap, "load": load, **in_a_process(key, options.cap)}
        content["runs"] = sorted(done.values(), key=place)
        write_json(options.out, content)
        print(
            f"{number} of {len(todo)}: {', '.join(map(str, key))}: "
            f"{done[key]['seconds']:.1f} s, perfect: {done[key]['perfect']}",
            flush=True,
        )
    print_summary(content["runs"])


if __name__ == "__main__":
    main()
