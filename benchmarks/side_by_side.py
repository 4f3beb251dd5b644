"""Throughput of several runs on the cores of one machine.

A few runs of each network, one after another with a thread per core, or side by side in worker
processes with one thread each, on a quiet machine and beside another busy process. In turns.
Threads that wait keep their core busy ("spinning", the default of OpenMP) or sleep ("passive", that
of the command line). Writes JSON; see benchmarks/README.md.

    python benchmarks/side_by_side.py                          # an hour
    python benchmarks/side_by_side.py --nets deconv --turns 1  # a part
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from measure import FOLDER, machine, write_json

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.cores import jobs_for
from coordconv_lab.sweep.many_runs import ManyRuns
from coordconv_lab.train import Hardware, SilentProgress

NETS = {
    "classifier": ("classification", "uniform", "coordconv"),
    "deconv": ("classification", "uniform", "baseline"),
    "conv": ("regression", "uniform", "baseline"),
}
EPOCHS = {"deconv": 8, "conv": 3}
"""Shorter runs than those of the recipe, of about ten seconds."""

SPINNING = "one after another, spinning"
PASSIVE = "one after another, passive"
TOGETHER = "side by side"
WAYS = (SPINNING, PASSIVE, TOGETHER)
CONDITIONS = ("quiet", "beside a busy process")


class Clock(SilentProgress):
    """Notes when the first run starts."""

    started: float | None = None

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        if Clock.started is None:
            Clock.started = time.perf_counter()


def train(net: str, jobs: int | None, runs: int) -> Mapping[str, float]:
    """Train runs of a network; return the seconds until the first starts, and from then on."""
    begun = time.perf_counter()
    specs = [tuned(*NETS[net], seed=seed) for seed in range(runs)]
    if net in EPOCHS:
        specs = [with_settings(spec, {"training.epochs": EPOCHS[net]}) for spec in specs]
    hardware = Hardware("cpu")
    with tempfile.TemporaryDirectory() as place:
        at_once = jobs_for(runs, jobs, hardware)
        many = ManyRuns(RunStore(place), at_once, lambda _: Clock(), hardware, scores_only=True)
        waiting = iter(specs)
        threads = {
            attempt.record.provenance.threads
            for _, attempt in many.attempt(partial(next, waiting, None))
            if attempt.record
        }
    ended = time.perf_counter()
    assert Clock.started is not None
    return {
        "start": Clock.started - begun,
        "seconds": ended - Clock.started,
        "at_once": at_once,
        "threads": max(threads),
    }


def in_fresh_process(net: str, way: str, runs: int) -> Mapping[str, float]:
    """Train in a new process; return its measurements, and the load before it."""
    load = os.getloadavg()[0]
    waits = {} if way == SPINNING else {"OMP_WAIT_POLICY": "PASSIVE"}
    jobs = [] if way == TOGETHER else ["--jobs", "1"]
    command = [sys.executable, __file__, "--one", net, "--runs", str(runs), *jobs]
    done = subprocess.run(
        command,
        env={**os.environ, **waits},
        stdout=subprocess.PIPE,
        check=True,
    )
    return {**json.loads(done.stdout.splitlines()[-1]), "load_before": load}


@contextmanager
def condition(name: str) -> Iterator[None]:
    """Start a busy process for a block, or none."""
    if name == "quiet":
        yield
        return
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


def summary(turns: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, object]:
    """Return how much more each way gets done than the first one, over the turns."""
    found = {}
    (first, reference), *_ = turns.items()
    for way, values in turns.items():
        ratios = [
            one["seconds"] / other["seconds"] for one, other in zip(reference, values, strict=True)
        ]
        found[way] = [statistics.median(ratios), min(ratios), max(ratios)]
    return {"relative_to": first, "done": found}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nets", nargs="*", default=list(NETS), choices=NETS)
    parser.add_argument("--ways", nargs="*", default=WAYS, choices=WAYS)
    parser.add_argument("--conditions", nargs="*", default=CONDITIONS, choices=CONDITIONS)
    parser.add_argument("--runs", type=int, default=2, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "side_by_side.json")
    parser.add_argument("--one", choices=NETS, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(train(options.one, options.jobs, options.runs)))
        return
    cells = []
    for net in options.nets:
        for name in options.conditions:
            turns: dict[str, list[Mapping[str, float]]] = {way: [] for way in options.ways}
            for turn in range(options.turns):
                start = turn % len(options.ways)  # each turn starts with another way
                for way in (*options.ways[start:], *options.ways[:start]):
                    with condition(name):
                        found = in_fresh_process(net, way, options.runs)
                    turns[way].append(found)
                    print(net, name, way, found, flush=True)
            cells.append({"net": net, "condition": name, "turns": turns, **summary(turns)})
            content = {"machine": machine(), "runs": options.runs, "cells": cells}
            write_json(options.out, content)


if __name__ == "__main__":
    main()
