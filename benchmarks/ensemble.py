"""The throughput of training several networks together.

The measure is training steps per second, summed over networks: one network at a time; ensembles of
several seeds in one process; and, on a CPU, two parallel processes with half of the threads each.
They are measured in turn. The program writes JSON, from which `make speed` writes a table; see
benchmarks/README.md.

    python benchmarks/ensemble.py                    # some minutes
    python benchmarks/ensemble.py --device cuda      # on a CUDA device
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from measure import FOLDER, machine, write_json

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.train import Hardware
from coordconv_lab.train.hardware import deterministic_algorithms
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.setup import Setup

NETS = {
    "classifier": ("classification", "uniform", "coordconv"),
    "regressor": ("regression", "uniform", "coordconv"),
    "renderer": ("rendering", "uniform", "coordconv"),
    "deconv": ("classification", "uniform", "baseline"),
    "conv, flattened": ("regression", "uniform", "baseline"),
}
SIZES = (1, 2, 4, 8)


def steps_a_second(net: str, size: int, device: str, seconds: float) -> float:
    """Return the steps per second of an ensemble, summed over its networks."""
    specs = [tuned(*NETS[net], seed=seed) for seed in range(size)]
    with deterministic_algorithms():
        loop = Loop(Setup(specs, Hardware(device)))
        points = loop.setup.data.train_points[: specs[0].training.batch_size].repeat(size, 1, 1)
        for _ in range(3):
            loop._take_step(points)
        loop.last_loss()
        steps, started = 0, time.perf_counter()
        while not steps or time.perf_counter() < started + seconds:
            for _ in range(4):
                loop._take_step(points)
            loop.last_loss()  # synchronizes with the device
            steps += 4
        return size * steps / (time.perf_counter() - started)


def in_processes(net: str, size: int, count: int, device: str, seconds: float) -> float:
    """Return the same for parallel processes, which divide the threads."""
    threads = max(torch.get_num_threads() // count, 1)
    command = [sys.executable, __file__, "--one", net, str(size), device, str(seconds)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(count)
    ]
    return sum(float(process.communicate()[0].splitlines()[-1]) for process in started)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nets", nargs="*", default=list(NETS), choices=NETS)
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES, help="numbers of networks")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda", "mps"))
    parser.add_argument("--seconds", type=float, default=3, help="duration of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "ensemble.json")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        net, size, device, seconds = options.one
        print(steps_a_second(net, int(size), device, float(seconds)))
        return
    ways = {f"ensemble of {size}": (size, 1) for size in sorted({1, *options.sizes})}
    if options.device == "cpu":
        ways["two processes"] = (1, 2)
    cells = []
    for net in options.nets:
        turns: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.turns):
            for way, (size, count) in ways.items():
                turns[way].append(in_processes(net, size, count, options.device, options.seconds))
        ones = turns["ensemble of 1"]
        cell = {"net": net, "steps_a_second": {}, "ratio": {}}
        for way, values in turns.items():
            cell["steps_a_second"][way] = statistics.median(values)
            ratios = [value / one for value, one in zip(values, ones, strict=True)]
            cell["ratio"][way] = [statistics.median(ratios), min(ratios), max(ratios)]
        cells.append(cell)
        print(cell, flush=True)
        made = {**machine(), "device": options.device}
        write_json(options.out, {"machine": made, "turns": options.turns, "cells": cells})


if __name__ == "__main__":
    main()
