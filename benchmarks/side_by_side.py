"""Throughput of several runs on the cores of one machine.

A few runs of each network are trained one after another with a thread per core, or in parallel in
worker processes with one thread each, on a quiet machine and beside another busy process. All ways
are measured in turn. Waiting threads keep their core busy ("spinning", the default of OpenMP) or
sleep ("passive", the default of the command line). The program writes JSON; see
benchmarks/README.md.

    python benchmarks/side_by_side.py                          # half an hour
    python benchmarks/side_by_side.py --nets deconv --turns 1  # a part
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
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
QUIET = "quiet"
CONDITIONS = (QUIET, "beside a busy process")
BUSY = "while True: pass"


class Clock(SilentProgress):
    """Callbacks that record when the first run starts."""

    started: float | None = None

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        if Clock.started is None:
            Clock.started = time.perf_counter()


def train(net: str, jobs: int | None, runs: int) -> Mapping[str, float]:
    """Train runs of a network; return the seconds until the first starts, and from then on.

    The memory is the peak of a worker process, or of this process if it trains the runs itself.
    """
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
    trains = resource.RUSAGE_SELF if at_once == 1 else resource.RUSAGE_CHILDREN
    return {
        "megabytes": resource.getrusage(trains).ru_maxrss * 1024 / 1e6,
        "start": Clock.started - begun,
        "seconds": ended - Clock.started,
        "at_once": at_once,
        "threads": max(threads),
    }


def in_fresh_process(net: str, way: str, runs: int, condition: str) -> Mapping[str, float]:
    """Train in a new process; return the measurements, and the load of the machine during them.

    The load is the mean number of cores that other processes than those of this benchmark used.
    """
    waits = {} if way == SPINNING else {"OMP_WAIT_POLICY": "PASSIVE"}
    jobs = [] if way == TOGETHER else ["--jobs", "1"]
    command = [sys.executable, __file__, "--one", net, "--runs", str(runs), *jobs]
    pipe = subprocess.PIPE
    begun, all_before, ours_before = time.perf_counter(), seconds_of_all(), seconds_of_ours()
    busy = [subprocess.Popen([sys.executable, "-c", BUSY])] if condition != QUIET else []
    try:
        done = subprocess.run(command, env={**os.environ, **waits}, stdout=pipe, check=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    others = seconds_of_all() - all_before - (seconds_of_ours() - ours_before)
    load = max(0.0, others) / (time.perf_counter() - begun)
    return {**json.loads(done.stdout.splitlines()[-1]), "load_of_others": load}


def seconds_of_all() -> float:
    """Return the busy seconds of all cores since Linux started."""
    user, nice, system, _, _, irq, soft, *_ = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def seconds_of_ours() -> float:
    """Return the processor time of this process and of its ended subprocesses."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def summary(turns: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, object]:
    """Return the throughput of each way relative to the first way, over the turns."""
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
    parser.add_argument("--runs", type=int, default=2, help="number of runs per turn")
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
                start = turn % len(options.ways)  # each turn starts with a different way
                for way in (*options.ways[start:], *options.ways[:start]):
                    found = in_fresh_process(net, way, options.runs, name)
                    turns[way].append(found)
                    print(net, name, way, found, flush=True)
            cells.append({"net": net, "condition": name, "turns": turns, **summary(turns)})
            content = {"machine": machine(), "runs": options.runs, "cells": cells}
            write_json(options.out, content)


if __name__ == "__main__":
    main()
