"""Trials on Ray: the runs of the serial engine, with errors, lost workers and killed drivers."""

import signal
import subprocess
import sys
import time
from threading import Lock

import pytest
import torch
from torch import nn

from coordconv_lab.cli import main
from coordconv_lab.errors import InputError
from coordconv_lab.trials import UserFunctions, load_functions, trial
from tests.ray_here import ray_here
from tests.trials.test_engines import runs_of, verdicts_of

__all__ = ["ray_here"]

pytestmark = pytest.mark.usefixtures("ray_here")

MINE = """
import os, pathlib, random, signal, sys, time
import numpy as np
import torch
from torch import nn
from beside import FACTOR

NUMBERS = torch.tensor(np.random.rand(64, 1, 6, 8)).float() + random.random()
HERE = pathlib.Path(__file__).parent

def make():
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))

def train(model, seed):
    {extra}
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(5):
        images = NUMBERS[torch.randint(64, (8,))] + torch.rand(()) + random.random()
        loss = (model(images) - FACTOR * torch.linspace(-1, 1, 8)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

def score(model):
    assert torch.get_num_threads() == 1
    with torch.no_grad():
        return -(model(NUMBERS) - torch.linspace(-1, 1, 8)).square().mean().item()
"""
ARMS = ["first", "shuffled:first"]


@pytest.fixture
def mine(tmp_path):
    """Return a function that writes a file of functions, with more in train."""

    def written(extra="pass"):
        (tmp_path / "beside.py").write_text("FACTOR = 1.0")
        (tmp_path / "mine.py").write_text(MINE.format(extra=extra))
        return tmp_path / "mine.py"

    yield written
    sys.modules.pop("beside", None)
    sys.path[:] = [one for one in sys.path if one != str(tmp_path)]


def test_runs_on_ray_equal_sequential_runs(mine, tmp_path):
    functions, options = load_functions(mine()), {"arms": ARMS, "seeds": 2, "cpus_per_run": 1}
    serial = trial(functions, tmp_path / "serial", **options)
    lines = []
    on_ray = trial(functions, tmp_path / "ray", **options, engine="ray", report=lines.append)
    assert verdicts_of(on_ray) == verdicts_of(serial)
    assert runs_of(tmp_path / "ray") == runs_of(tmp_path / "serial")
    assert len(lines) == 6
    again = trial(functions, tmp_path / "ray", **options, engine="ray", report=lines.append)
    assert verdicts_of(again) == verdicts_of(serial)
    assert len(lines) == 6


def test_functions_without_a_file_are_sent(tmp_path):
    factor = torch.rand(1)

    def score(model):
        return (factor * model[0].weight.sum()).item()

    def make():
        return nn.Sequential(nn.Conv2d(1, 1, 3))

    functions = UserFunctions(make, lambda model: None, score)
    options = {"arms": ["first"], "seeds": 2}
    trial(functions, tmp_path / "serial", **options)
    trial(functions, tmp_path / "ray", **options, engine="ray")
    assert runs_of(tmp_path / "ray") == runs_of(tmp_path / "serial")
    lock = Lock()
    held = functions._replace(train=lambda model: lock.locked())
    with pytest.raises(InputError, match="the functions cannot be sent to other processes"):
        trial(held, tmp_path / "no", **options, engine="ray")


def test_errors_lost_workers_and_changed_files_are_reported(mine, tmp_path, capsys):
    once = "if seed == 1 and not (HERE / 'lost').exists():\n"
    once += "        (HERE / 'lost').touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
    file, out = mine(f"{once}    if seed == 2: sys.exit('no more')"), tmp_path / "out"
    command = ["trial", str(file), "--out", str(out), "--seeds", "3", "--arm", "first"]
    with pytest.raises(SystemExit):
        main([*command, "--engine", "ray"])
    assert (tmp_path / "lost").exists()
    assert {(one["arm"], one["seed"]) for one in runs_of(out)} == {
        (arm, seed) for arm in ("none", "first") for seed in (0, 1)
    }
    shown = capsys.readouterr().out
    assert "first, seed 2: failed: SystemExit: no more" in shown
    assert "none, seed 2: failed: SystemExit: no more" in shown
    assert shown.count("Traceback") == 1
    assert f'File "{file}", line' in shown
    functions = load_functions(file)
    file.write_text(file.read_text() + "# changed")
    with pytest.raises(InputError, match="was changed while the trial was running"):
        trial(functions, out, seeds=3, arms=["first"], engine="ray")


def test_a_killed_trial_continues_on_ray_and_ends_like_an_uninterrupted_one(mine, tmp_path):
    waits = "while seed == 3 and not (HERE / 'go').exists(): time.sleep(0.1)"
    file, out = mine(waits), tmp_path / "killed"
    command = [sys.executable, "-m", "coordconv_lab", "trial", str(file), "--out", str(out)]
    command += ["--engine", "ray", "--seeds", "5", "--arm", "first"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as driver:
        while not (out / "runs.jsonl").exists() or len(runs_of(out)) < 3 * 2:
            assert driver.poll() is None
            time.sleep(0.1)
        driver.send_signal(signal.SIGKILL)
    before = runs_of(out)
    assert {one["seed"] for one in before} <= {0, 1, 2, 4}
    (tmp_path / "go").touch()
    functions = load_functions(file)
    resumed = trial(functions, out, arms=["first"], seeds=5, engine="ray")
    whole = trial(functions, tmp_path / "whole", arms=["first"], seeds=5, cpus_per_run=1)
    assert verdicts_of(resumed) == verdicts_of(whole)
    assert runs_of(out) == runs_of(tmp_path / "whole")
    assert all(one in runs_of(out) for one in before)
