"""Several processes train a network like one process: the same examples and scores."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import DeconvNet
from coordconv_lab.experiments.notsoclevr.tasks import task_of
from coordconv_lab.train import Hardware
from coordconv_lab.train.fabric import Fabric
from coordconv_lab.train.processes import OneProcess, SeveralProcesses

TINY = (
    "regression --split quadrant --canvas 14 18 --square 5 --epochs 4 --batch-size 7 "
    "--device cpu --set training.curve_points=3"
)


def processes(count: int) -> list[SeveralProcesses]:
    """Return the processes of a group without communication, one per rank."""
    return [SeveralProcesses(fabric_of(rank, count)) for rank in range(count)]


def fabric_of(rank: int, count: int, **functions: Callable) -> Fabric:
    """Return a stand-in for Fabric in one process of a group."""
    fields = {"world_size": count, "global_rank": rank, "is_global_zero": rank == 0}
    return SimpleNamespace(device=torch.device("cpu"), **fields, **functions)  # pyright: ignore


@given(st.integers(1, 9), st.integers(1, 40))
def test_the_parts_form_the_batch_and_examples_have_equal_weight(count, size):
    batch = torch.arange(2 * size).reshape(1, size, 2)
    parts = [one.part_of(batch) for one in processes(count)]
    seen = torch.cat([part for part, weight in parts if weight], dim=1)
    torch.testing.assert_close(seen, batch)
    for part, weight in parts:
        if weight:
            assert weight / part.shape[1] == pytest.approx(count / size)


@given(st.integers(2, 5), st.integers(1, 11))
def test_the_mean_gradient_of_the_parts_is_the_gradient_of_the_batch(count, size):
    spec = tuned("regression", "uniform", "coordconv")
    torch.manual_seed(0)
    net, task = build(spec.model), task_of(spec)
    points = torch.randint(4, 60, (1, size, 2))

    def gradient(loss: torch.Tensor) -> torch.Tensor:
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])

    whole = gradient(task.loss(net, points[0]))
    parts = [one.part_of(points) for one in processes(count)]
    mean = sum(gradient(task.loss(net, part[0]) * weight) for part, weight in parts) / count
    torch.testing.assert_close(mean, whole, rtol=1e-3, atol=1e-5 * float(whole.abs().max()))


def test_an_error_of_the_first_process_is_raised_in_all():
    told: list[object] = []

    def broadcast(outcome: object) -> object:
        told.append(outcome)
        return told[0]

    def fails() -> None:
        raise InputError("no room")

    for rank in range(2):
        fabric = fabric_of(rank, 2, broadcast=broadcast)
        with pytest.raises(InputError, match="no room"):
            SeveralProcesses(fabric).first_only(fails)


def test_batch_normalization_is_refused_with_several_processes():
    net = build(DeconvNet(batch_norm=True))
    assert OneProcess("cpu").setup(net, "float32") is net
    with pytest.raises(InputError, match="--devices 1"):
        processes(2)[0].setup(net, "float32")


@pytest.mark.parametrize("wrong", [{"devices": 0}, {"nodes": 0}])
def test_zero_devices_or_machines_are_refused(wrong):
    with pytest.raises(InputError, match="expected 1 or more, got 0"):
        Hardware("cpu", **wrong)


def trained(runs: Path, *more: str, launcher: tuple[str, ...] = (sys.executable,)) -> dict:
    """Train the tiny network from the command line and return its record."""
    command = [*launcher, "-m", "coordconv_lab", "train", *TINY.split(), "--runs", str(runs), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (path,) = runs.glob("*/record.json")
    return json.loads(path.read_text())


def test_two_processes_learn_the_same_as_one(tmp_path):
    one = trained(tmp_path / "one")
    two = trained(tmp_path / "two", "--devices", "2", "--strategy", "ddp")
    assert one["provenance"]["processes"] == 1
    assert two["provenance"]["processes"] == 2
    assert two["steps"] == one["steps"]
    assert curve(tmp_path / "two") == pytest.approx(curve(tmp_path / "one"), rel=1e-4)
    for side in ("train", "test"):
        assert two["scores"][side] == pytest.approx(one["scores"][side], rel=1e-4)


def test_a_launcher_can_start_the_processes(tmp_path):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2")
    standalone = (*torchrun, "--standalone", "--local-addr=127.0.0.1")
    launched = trained(tmp_path / "launched", "--devices", "2", launcher=standalone)
    assert launched["provenance"]["processes"] == 2
    assert launched == trained(tmp_path / "launched", "--devices", "2")


def curve(runs: Path) -> list[float]:
    """Return the losses of a run."""
    (path,) = runs.glob("*/metrics.csv")
    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    return [float(row[header.index("train_loss")]) for row in rows]
