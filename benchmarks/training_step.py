"""How close is a training step to the limits of the machine, and which operations take its time?

The program measures one step of every network by precision, memory format and batch size, and by
canvas, from 64 to 512 pixels. Each cell is measured in its own process, with two lower bounds from
the same process: the speed of large matrix products, and the bandwidth of a copy of as many bytes
as the step uses. It writes JSON, from which `make speed` writes tables and figures; see
benchmarks/README.md.

    python benchmarks/training_step.py                            # everything, about half an hour
    python benchmarks/training_step.py --parts growth --nets classifier
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from measure import FOLDER, machine, peak_bytes, write_json
from torch import Tensor, nn

from coordconv_lab.experiments.notsoclevr.networks import pictures, pixelwise, regressors
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import ExperimentSpec
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
    "conv, pooled": ("regression", "quadrant", "baseline"),
}
PRECISIONS = ("float32", "bfloat16")
FORMATS = ("channels_last", "contiguous")
BATCHES = (4, 32)
CANVASES = (64, 128, 256, 512)
PARTS = ("shape", "growth", "profile")
GROWTH_BATCH = 16  # with fewer images of 64 x 64, fixed costs dominate a step

# The groups of torch operations in the profile, by the start of an operation's name.
KINDS = {
    "matrix products and convolutions": (
        "aten::addmm", "aten::mm", "aten::addmv", "aten::convolution_backward",
        "aten::mkldnn_convolution", "aten::_slow_conv", "aten::slow_conv", "aten::bmm",
    ),
    "activations, pools, normalisation": (
        "aten::clamp_min", "aten::threshold_backward", "aten::max_pool", "aten::relu",
        "aten::native_batch_norm", "aten::max", "aten::value_selecting", "aten::mean",
    ),
    "loss and targets": (
        "aten::_log_softmax", "aten::nll_loss", "aten::_softmax", "aten::binary_cross",
        "aten::mse_loss", "aten::sigmoid", "aten::bitwise_and", "aten::ge", "aten::lt",
    ),
    "optimizer": ("aten::_fused_adam",),
}  # fmt: skip
OTHER, BETWEEN = "other operations", "between operations"

Cell = dict[str, object]


def spec_of(cell: Cell) -> ExperimentSpec:
    settings = {
        "data.canvas": (cell["canvas"], cell["canvas"]),
        "training.batch_size": cell["batch"],
        "training.precision": cell["precision"],
    }
    return with_settings(tuned(*NETS[cell["net"]]), settings)


def prepared(cell: Cell) -> tuple[Loop, Tensor]:
    """Return the loop of a cell, with the network in the cell's memory format, and one batch."""
    if cell["format"] == "contiguous":
        pictures.channels_last = regressors.channels_last = lambda maps: maps
    loop = Loop(Setup([spec_of(cell)], Hardware("cpu")))
    for net in loop.setup.nets:
        net.to(memory_format=getattr(torch, f"{cell['format']}_format", torch.channels_last))
    some = torch.arange(cell["batch"]) * 7 % len(loop.setup.data.train_points)
    return loop, loop.setup.data.train_points[some][None]


def best(call: Callable[[], object], turns: int) -> float:
    """Return the minimum time of a call, since a lower bound is the machine's best."""
    times = []
    for _ in range(turns):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def multiplication_rate(dtype: torch.dtype) -> float:
    """Return the floating-point operations per second of a large matrix product."""
    side = 1536
    left, right = torch.randn(2, side, side).to(dtype)
    out = torch.empty(side, side, dtype=dtype)
    return 2 * side**3 / best(lambda: torch.mm(left, right, out=out), 12)


def bandwidth(held: int) -> float:
    """Return the bytes per second of a copy that reads and writes as many bytes as a step uses."""
    numbers = max(held // 8, 2**16)
    source, target = torch.ones(numbers), torch.empty(numbers)
    return 8 * numbers / best(lambda: target.copy_(source), 12)


def work_of(net: nn.Module, ask: Callable[[], object], element: int) -> list[tuple[int, int]]:
    """Return the operations and the minimum bytes of every layer with weights, for a step.

    This is a lower bound: every layer reads and writes its tensors once, operations between layers
    are free, and the gradients of input and weights share one read of the upstream gradient.
    """
    work: list[tuple[int, int]] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x = inputs[0]
        if isinstance(layer, nn.Linear):
            products = output.numel() * layer.in_features
        elif isinstance(layer, nn.ConvTranspose2d):
            products = x.numel() * layer.weight[0].numel()
        else:
            taps = layer.weight[0].numel() + getattr(layer, "coord_weight", x[:0])[:1].numel()
            products = output.numel() * taps
        read = min(x.numel(), x.untyped_storage().nbytes() // x.element_size()) * element
        written = output.numel() * element
        passes = 2 if x.requires_grad else 1  # gradients of the weights, and maybe of the input
        work.append((2 * products, read + written))
        work.append((2 * products * passes, written + read * passes))

    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    for module in net.modules():
        if isinstance(module, kinds):
            module.register_forward_hook(note)
    pixelwise._run_as_blocks = lambda *_: False  # blocks of pixels do not call modules
    ask()
    return work


def measure_step(cell: Cell, seconds: float) -> dict:
    """Measure the time and memory of a step, and its lower bounds."""
    with deterministic_algorithms():
        loop, batch = prepared(cell)
        element, dtype = (
            (4, torch.float32) if cell["precision"] == "float32" else (2, torch.bfloat16)
        )

        def step() -> None:
            loop._take_step(batch)

        for _ in range(3):
            step()
        times: list[float] = []
        end = time.perf_counter() + seconds
        while len(times) < 5 or time.perf_counter() < end:
            started = time.perf_counter()
            step()
            times.append(time.perf_counter() - started)
        held = peak_bytes(step)
        net, objective = loop.setup.nets[0], loop.setup.objective
        work = work_of(net, lambda: objective.loss(net, batch[0]), element)
    rate, speed = multiplication_rate(dtype), bandwidth(held)
    return {
        "seconds": statistics.median(times),
        "seconds_low": min(times),
        "seconds_high": sorted(times)[int(0.9 * len(times))],
        "held_bytes": held,
        "resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "operations": sum(operations for operations, _ in work),
        "bytes": sum(moved for _, moved in work),
        "rate": rate,
        "bandwidth": speed,
        "floor": sum(max(n / rate, moved / speed) for n, moved in work),
        "floor_arithmetic": sum(n for n, _ in work) / rate,
        "floor_memory": sum(moved for _, moved in work) / speed,
    }


def profile_step(cell: Cell, seconds: float) -> dict:
    """Measure the seconds of a step by kind of operation."""
    steps = 40
    with deterministic_algorithms():
        loop, batch = prepared(cell)
        for _ in range(10):
            loop._take_step(batch)
        plain = best(lambda: loop._take_step(batch), 40)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            for _ in range(steps):
                loop._take_step(batch)
    kinds: Counter[str] = Counter()
    for event in profile.key_averages():
        if event.key.startswith("aten::"):
            kinds[kind_of(event.key)] += event.self_cpu_time_total / steps / 1e6
    # The profiler adds time between operations, so take the remaining time from unprofiled steps.
    kinds[BETWEEN] = max(plain - sum(kinds.values()), 0)
    return {"kinds": dict(kinds), "seconds": plain}


def kind_of(operation: str) -> str:
    for kind, starts in KINDS.items():
        if operation.startswith(starts):
            return kind
    return OTHER


def cells(options: argparse.Namespace) -> Iterator[Cell]:
    for part in options.parts:
        for net in options.nets:
            if part == "growth" and net == "deconv":
                continue  # this network needs 64 x 64 pixels
            for canvas in options.canvases if part == "growth" else (64,):
                for precision in PRECISIONS if part == "shape" else ("float32",):
                    for form in FORMATS if part == "shape" else FORMATS[:1]:
                        own = tuned(*NETS[net]).training.batch_size
                        batches = {"shape": (own, *BATCHES), "growth": (GROWTH_BATCH,)}
                        for batch in dict.fromkeys(batches.get(part, (own,))):
                            yield {
                                "part": part, "net": net, "canvas": canvas,
                                "precision": precision, "format": form, "batch": batch,
                            }  # fmt: skip


def in_a_process(cell: Cell, seconds: float) -> dict:
    """Measure one cell in its own process."""
    command = [sys.executable, __file__, "--one", json.dumps(cell), "--seconds", str(seconds)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output.splitlines()[-1])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--nets", nargs="*", default=list(NETS), choices=NETS)
    parser.add_argument("--canvases", nargs="*", type=int, default=list(CANVASES))
    parser.add_argument("--seconds", type=float, default=2, help="measuring time of each cell")
    parser.add_argument("--turns", type=int, default=1, help="measurements per cell")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "training_step.json")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        cell = json.loads(options.one)
        measure = profile_step if cell["part"] == "profile" else measure_step
        print(json.dumps({**cell, **measure(cell, options.seconds)}))
        return
    content = {"machine": machine(), "cells": []}
    if options.out.exists():
        content = json.loads(options.out.read_text())
        if content["machine"] != machine():
            raise SystemExit(f"{options.out} was measured elsewhere; choose another --out")
    todo = [cell for _ in range(options.turns) for cell in cells(options)]
    seconds: dict[str, list[float]] = defaultdict(list)
    for number, cell in enumerate(todo, start=1):
        measured = in_a_process(cell, options.seconds)
        # Measure cells in turn, so that changes in the speed of the machine affect all of them.
        turns = seconds[json.dumps(cell)]
        turns.append(measured["seconds"])
        measured |= {"seconds": statistics.median(turns), "turns": len(turns)}
        kept = [old for old in content["cells"] if not cell.items() <= old.items()]
        content["cells"] = [*kept, measured]
        write_json(options.out, content)
        times = f"{measured['seconds'] * 1000:.2f} ms"
        if "floor" in measured:
            times += f", {measured['seconds'] / measured['floor']:.2f} times the lower bound"
        print(f"{number} of {len(todo)}: {cell}: {times}", flush=True)


if __name__ == "__main__":
    main()
