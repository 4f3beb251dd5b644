"""The cost of a sweep beyond its runs.

Both engines execute five hundred trivial runs, each engine in its own process. The measures are the
time per run, from the first run to the last, and the memory of the process that distributes them.
The program writes JSON; see benchmarks/README.md.

    python benchmarks/sweep_overhead.py              # two minutes
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from measure import FOLDER, machine, write_json

from coordconv_lab.experiments.notsoclevr.specs import DataSpec, HandBuiltClassifier
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec, TrainingSpec
from coordconv_lab.studies import Study
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.serial import run_serially
from coordconv_lab.train import Attempt


def trivial(runs: int, first_seed: int = 0) -> Sweep:
    """Return specs of hand-built networks, without training, on 64 positions."""
    specs = [
        ExperimentSpec(
            task="classification",
            data=DataSpec(canvas=(12, 12), square=5),
            model=HandBuiltClassifier(),
            training=TrainingSpec(epochs=0),
            seed=seed,
        )
        for seed in range(first_seed, first_seed + runs)
    ]
    return Sweep(Study("trivial", "What does a run cost?", {"all": specs}))


class Clock:
    """Callbacks that record when runs end, and how much memory this process then uses."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.megabytes: list[float] = []

    def begin(self, to_do: int, total: int, at_once: int) -> None:
        self.at_once, self.started = at_once, time.perf_counter()

    def ended(self, spec: ExperimentSpec, attempt: Attempt) -> None:
        assert attempt.record is not None
        self.ends.append(time.perf_counter())
        self.megabytes.append(held_megabytes())

    def stopped(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        raise AssertionError("these runs must not stop early")

    def of_run(self, number: int) -> None:
        return None


def held_megabytes() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measure(engine: str, runs: int) -> dict:
    """Execute the runs on one engine, and return the cost of a run."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as place:
        if engine == "serial":
            run_serially(trivial(runs), RunStore(place), clock)
        else:
            from coordconv_lab.sweep.on_ray import run_on_ray

            run_on_ray(trivial(runs), place, clock)
    # Skip the first runs, which wait for workers to start.
    tenth = runs // 10
    seconds = (clock.ends[-1] - clock.ends[tenth - 1]) / (runs - tenth)
    return {
        "engine": engine,
        "runs": runs,
        "at_once": clock.at_once,
        "milliseconds_a_run": 1000 * seconds,
        "seconds_until_the_first": clock.ends[0] - clock.started,
        "megabytes_after_a_tenth": clock.megabytes[tenth - 1],
        "megabytes_at_the_end": clock.megabytes[-1],
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "sweep_overhead.json")
    parser.add_argument("--one", choices=("serial", "ray"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options.one, options.runs)))
        return
    turns = []
    for _ in range(options.turns):
        for engine in ("serial", "ray"):
            command = [sys.executable, __file__, "--one", engine, "--runs", str(options.runs)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            turns.append(json.loads(done.stdout.splitlines()[-1]))
            print(turns[-1], flush=True)
    write_json(options.out, {"machine": machine(), "load": os.getloadavg()[0], "turns": turns})


if __name__ == "__main__":
    main()
