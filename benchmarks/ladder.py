"""How much faster does each change make a training step? From the published step to ours.

The network is the trained classifier, whose gradients are very small. The measure is milliseconds
per training step and image of the batch. Each line adds one change, runs in its own process, and is
measured in turn with the others. The program writes JSON, from which `make speed` writes a table;
see benchmarks/README.md.

    python benchmarks/ladder.py      # about five minutes
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from measure import FOLDER, machine, write_json
from ordinary import loss_of, published_net, settings_of
from torch import Tensor, nn

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import Hardware, processor, run
from coordconv_lab.train.hardware import deterministic_algorithms
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.setup import Setup

RUNGS = (
    "the ordinary way",
    "and denormal numbers flushed",
    "and freed memory kept",
    "and channels last",
    "our net and loop, same batch",
    "our batch of 4",
)
BATCH = 32


def ordinary_step(weights: dict[str, Tensor], rung: int) -> tuple[Callable[[], None], int]:
    """Return a training step of the published network, with the weights of our trained network."""
    if rung >= 1:
        processor.flush_denormals()
    if rung >= 2:
        processor.keep_freed_memory()
    net = published_net("classification", settings_of("tutorial", "classification", "uniform"))
    convolutions = [layer for layer in net if isinstance(layer, nn.Conv2d)]
    for layer, name in zip(
        convolutions, sorted({k.rsplit(".", 1)[0] for k in weights}), strict=True
    ):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        if f"{name}.coord_weight" in weights:  # our network scales pixels to -1 .. 1
            bias = bias - weight.sum(dim=(1, 2, 3))
            weight = torch.cat([weight * 2 / 63, weights[f"{name}.coord_weight"]], dim=1)
        layer.weight.data.copy_(weight)
        layer.bias.data.copy_(bias)
    if rung >= 3:
        net.to(memory_format=torch.channels_last)
    # Use a learning rate near zero, so that the network does not change.
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-12)
    loss_function = loss_of("classification", settings_of("tutorial", "classification", "uniform"))
    points = torch.cartesian_prod(torch.arange(4, 60), torch.arange(4, 60))[::98][:BATCH]

    def step() -> None:
        optimizer.zero_grad()
        loss_function(net, points).backward()
        optimizer.step()

    return step, len(points)


def our_step(weights: dict[str, Tensor], rung: int) -> tuple[Callable[[], None], int]:
    """Return a step of our training loop."""
    spec = tuned("classification", "uniform", "coordconv")
    settings = {"training.learning_rate": 1e-12, "training.weight_decay": 0.0}
    if rung == 4:
        settings["training.batch_size"] = BATCH
    loop = Loop(Setup([with_settings(spec, settings)], Hardware("cpu")))
    loop.setup.nets[0].load_state_dict(weights)
    points = loop.setup.data.train_points[:: len(loop.setup.data.train_points) // BATCH]
    points = points[None, : loop.specs[0].training.batch_size]
    return lambda: loop._take_step(points), points.shape[1]


def milliseconds(rung: int, weights: dict[str, Tensor], seconds: float) -> float:
    """Return the median time of a step per image of its batch."""
    with deterministic_algorithms() if rung >= 4 else torch.enable_grad():
        step, pictures = (ordinary_step if rung < 4 else our_step)(weights, rung)
        for _ in range(3):
            step()
        times: list[float] = []
        end = time.perf_counter() + seconds
        while len(times) < 5 or time.perf_counter() < end:
            started = time.perf_counter()
            step()
            times.append(time.perf_counter() - started)
    return statistics.median(times) / pictures * 1000


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=4, help="duration of each turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "ladder.json")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        rung, weights, seconds = options.one
        learnt = safetensors.torch.load_file(weights)
        print(json.dumps(milliseconds(int(rung), learnt, float(seconds))))
        return
    turns: list[list[float]] = [[] for _ in RUNGS]
    with tempfile.TemporaryDirectory() as folder:
        store, spec = RunStore(folder), tuned("classification", "uniform", "coordconv")
        run(spec, store)
        weights = store.directory(spec) / "weights.safetensors"
        for _ in range(options.turns):
            for rung, times in enumerate(turns):
                one = ["--one", str(rung), str(weights), str(options.seconds)]
                command = [sys.executable, __file__, *one]
                output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
                times.append(float(output))
    rows = [
        {"rung": name, "milliseconds": [statistics.median(times), min(times), max(times)]}
        for name, times in zip(RUNGS, turns, strict=True)
    ]
    for row in rows:
        print(row)
    write_json(options.out, {"machine": machine(), "batch": BATCH, "rungs": rows})


if __name__ == "__main__":
    main()
