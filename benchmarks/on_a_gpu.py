"""Layers, training steps, ensembles and compilation on one GPU, in at most ten minutes.

Layers are compared with the plain layer and the published concatenation: eager, in training and
compiled. Training is measured in steps per second, summed over the networks of an ensemble. The
variants of a cell are measured in turn, and the clock is read after the device is synchronized.
Cells that do not fit into the time are named in the result. The program writes one JSON file; see
benchmarks/README.md.

    python benchmarks/on_a_gpu.py
    python benchmarks/on_a_gpu.py --device cpu --budget 30 --rows "first layer"
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import layers
import torch
from ensemble import NETS, steps_a_second
from measure import FOLDER, in_turns, machine, write_json

MODES = {"forward": layers.forward, "training": layers.training, "compiled": layers.compiled}
VARIANTS = ("plain", "published", "ours")
BATCHES = (1, 32)
ENSEMBLES = (1, 8)

Cell = dict[str, object]


def seconds_per_call(call: Callable[[], object], device: str, seconds: float) -> float:
    """Return the mean time of calls that are queued together, after a warm-up call."""
    call()
    _synchronize(device)
    count, start = 0, time.perf_counter()
    while not count or time.perf_counter() < start + seconds:
        for _ in range(4):
            call()
        count += 4
        _synchronize(device)
    return (time.perf_counter() - start) / count


def _synchronize(device: str) -> None:
    if device != "cpu":
        torch.accelerator.synchronize()


def layer_cell(row: layers.Shape | layers.Net, batch: int, mode: str, options) -> Cell:
    """Measure all variants of one layer or network."""
    torch.manual_seed(0)
    modules, x = layers.variants(row, batch, "channels_last", mode)
    x = x.to(options.device)
    calls = {name: MODES[mode](modules[name].to(options.device), x) for name in VARIANTS}
    turns = in_turns(
        calls,
        options.turns,
        lambda call: seconds_per_call(call, options.device, options.seconds),
    )
    cell: Cell = {"part": "layers", "row": row.name, "batch": batch, "mode": mode}
    cell["seconds"] = {name: statistics.median(turns[name]) for name in VARIANTS}
    cell["ratio"] = {
        name: statistics.median(
            one / plain for one, plain in zip(turns[name], turns["plain"], strict=True)
        )
        for name in VARIANTS
    }
    return cell


def training_cell(net: str, networks: int, options) -> Cell:
    """Measure the training of one network, or of several together."""
    turns = [
        steps_a_second(net, networks, options.device, options.seconds) for _ in range(options.turns)
    ]
    cell: Cell = {"part": "training", "net": net, "networks": networks}
    return cell | {"steps_a_second": statistics.median(turns)}


def cells(options) -> Iterator[tuple[str, Callable[[], Cell]]]:
    """Yield the name of each cell, and a function that measures it."""
    for net in options.nets:
        for networks in ENSEMBLES:
            yield (
                f"training, {net}, {networks}",
                lambda n=net, k=networks: training_cell(n, k, options),
            )
    for mode in MODES:
        for row in layers.ROWS:
            if options.rows and not any(part in row.name for part in options.rows):
                continue
            if mode == "compiled" and isinstance(row, layers.Net):
                continue
            for batch in BATCHES:
                yield (
                    f"{mode}, {row.name}, {batch}",
                    lambda r=row, b=batch, m=mode: layer_cell(r, b, m, options),
                )


def main(arguments: list[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--budget", type=float, default=540, help="seconds for all cells")
    parser.add_argument("--rows", nargs="*", default=[], help="only rows whose name contains these")
    parser.add_argument("--nets", nargs="*", default=list(NETS), choices=NETS)
    parser.add_argument("--seconds", type=float, default=0.1, help="duration of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "on_a_gpu.json")
    options = parser.parse_args(arguments)
    if options.device != "cpu" and not torch.accelerator.is_available():
        sys.exit("no GPU was found; choose another machine, or --device cpu to try the program")
    name = "cpu" if options.device == "cpu" else torch.cuda.get_device_name()
    started = time.perf_counter()
    measured: list[Cell] = []
    left: list[str] = []
    content = {"machine": machine() | {"device": name}, "cells": measured, "no time for": left}
    for title, measure in cells(options):
        if time.perf_counter() > started + options.budget:
            left.append(title)
            continue
        measured.append(measure())
        print(f"{time.perf_counter() - started:5.0f} s  {title}", flush=True)
        # Write after every cell, so that an interruption does not lose measurements.
        write_json(options.out, content)
    write_json(options.out, content)


if __name__ == "__main__":
    main()
