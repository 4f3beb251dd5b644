"""How much do results change with the number of threads, and thus with the order of summation?

For layers, outputs and gradients are compared. For training, the networks of every task are
compared after several steps, with a separate process for each number of threads.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

import coordconv
from benchmarks.measure import FOLDER, machine, write_json
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Hardware, run

MODELS = ("coordconv", "baseline")
# The full canvas, so that there is work for threads, and a large square, for few positions.
SETTINGS: Mapping[str, Any] = {
    "data.square": 49,
    "training.batch_size": 16,
    "training.curve_points": 6,
}
SHAPES = {1: (8, 16, 4096), 2: (8, 16, 64, 72), 3: (2, 16, 12, 24, 28)}


def specs(settings: Mapping[str, Any], models: Sequence[str] = MODELS) -> list[ExperimentSpec]:
    """Return the specs to train: the networks of every task."""
    return [
        with_settings(tuned(task, "uniform", model), {**SETTINGS, **settings})
        for task in ("classification", "regression", "rendering")
        for model in models
    ]


def train(runs: Path, threads: int, chosen: Sequence[ExperimentSpec]) -> None:
    """Train networks with a number of threads, and store the runs."""
    torch.set_num_threads(threads)
    for spec in chosen:
        run(spec, RunStore(runs / str(threads)), hardware=Hardware("cpu"))


def in_fresh_process(
    runs: Path,
    threads: Sequence[int],
    settings: Mapping[str, Any],
    models: Sequence[str] = MODELS,
) -> subprocess.Popen[bytes]:
    """Train with each number of threads in turn, each time in a new process."""
    command = [sys.executable, "-m", "benchmarks.threads", "--train", str(runs)]
    # Waiting threads must not occupy their cores.
    environment = os.environ | {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
    return subprocess.Popen(
        [*command, *map(str, threads), "--settings", json.dumps(settings), "--models", *models],
        cwd=FOLDER.parent,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def losses(store: RunStore, spec: ExperimentSpec) -> Tensor:
    """Return the losses in the learning curve of a run."""
    text = (store.directory(spec) / "metrics.csv").read_text()
    header, *rows = (line.split(",") for line in text.splitlines())
    return torch.tensor([float(row[header.index("train_loss")]) for row in rows]).double()


def weights(store: RunStore, spec: ExperimentSpec) -> Tensor:
    """Return all weights of the network of a run, concatenated."""
    kept = safetensors.torch.load_file(store.directory(spec) / "weights.safetensors")
    return torch.cat([tensor.double().flatten() for tensor in kept.values()])


def difference(one: RunStore, other: RunStore, spec: ExperimentSpec) -> dict[str, Any]:
    """Compare two runs of the same spec.

    Returns:
        The number of steps, and the largest differences: of losses (relative), of scores, and of
        weights, in units of the learning rate, which is about the change of a weight in a step of
        Adam.
    """
    ours, theirs = one.record(spec), other.record(spec)
    assert ours is not None
    assert theirs is not None
    scores = [
        abs(value - theirs.scores[side][name])
        for side, named in ours.scores.items()
        for name, value in named.items()
    ]
    first, second = losses(one, spec), losses(other, spec)
    moved = (weights(one, spec) - weights(other, spec)).abs().max().item()
    return {
        "steps": ours.steps,
        "loss": ((first - second).abs() / first.abs()).max().item(),
        "score": max(scores),
        "weight": moved / spec.training.learning_rate,
    }


def layer_of(kind: str, rank: int) -> nn.Module:
    """Return a layer that is large enough to be divided between threads."""
    made: Callable[..., nn.Module] = getattr(coordconv, f"{kind}{rank}d")
    return made(16, 24, 3, stride=1, padding=1, radius=True)


def computed(layer: nn.Module, x: Tensor, threads: int) -> dict[str, Tensor]:
    """Return the output of a layer, and all gradients of a loss with a weight per output."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        x = x.clone().requires_grad_()
        output = layer(x)
        weight = torch.arange(output.numel(), dtype=output.dtype).sin().view_as(output)
        inputs = {"input": x, **dict(layer.named_parameters())}
        gradients = torch.autograd.grad(output, list(inputs.values()), weight)
    finally:
        torch.set_num_threads(before)
    named = {f"gradient of {name}": g for name, g in zip(inputs, gradients, strict=True)}
    return {"output": output.detach(), **named}


def layer_differences(kind: str, rank: int, dtype: torch.dtype) -> dict[str, float]:
    """Return the largest differences between one and two threads, relative to the largest value."""
    torch.manual_seed(0)
    layer, x = layer_of(kind, rank).to(dtype), torch.randn(SHAPES[rank], dtype=dtype)
    one, two = computed(layer, x, 1), computed(layer, x, 2)
    return {
        name: ((one[name] - two[name]).abs().max() / one[name].abs().max()).item() for name in one
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", nargs="+", help="a directory, followed by numbers of threads")
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "threads.json")
    options = parser.parse_args(arguments)
    if options.train:
        runs, *threads = options.train
        for count in threads:
            train(Path(runs), int(count), specs(options.settings, options.models))
        return
    layers = [
        {"layer": f"{kind}{rank}d", "dtype": str(dtype).removeprefix("torch.")}
        | {"differences": layer_differences(kind, rank, dtype)}
        for kind in ("CoordConv", "CoordConvTranspose")
        for rank in SHAPES
        for dtype in (torch.float32, torch.float64)
    ]
    training = []
    with tempfile.TemporaryDirectory() as scratch:
        one, two = (RunStore(Path(scratch) / count) for count in "12")
        for epochs in options.epochs:
            settings = {"training.epochs": epochs}
            for count in (1, 2):
                assert in_fresh_process(Path(scratch), [count], settings).wait() == 0
            training += [
                {"task": spec.task, "net": spec.model_name, **difference(one, two, spec)}
                for spec in specs(settings)
            ]
            content = {"layers": layers, "training": training, "machine": machine()}
            write_json(options.out, content)


if __name__ == "__main__":
    main()
