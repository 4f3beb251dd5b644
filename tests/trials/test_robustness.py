"""A trial survives being killed, and says in a line what is wrong with an arm."""

import multiprocessing
import os
import signal
import time
import traceback
from collections import OrderedDict

import pytest
import torch
from torch import nn

from coordconv_lab.cli import main
from coordconv_lab.errors import InputError
from coordconv_lab.trials import UserFunctions, trial
from tests.trials.models import by_coordinates, has_coordinates, make, nothing

ARMS = ["first", "shuffled:first"]


def lines_of(folder):
    path = folder / "runs.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def slow_at(folder, run):
    """Functions whose training never ends once so many runs are finished."""

    def train(model):
        nothing(model)
        if len(lines_of(folder)) == run + 1:
            time.sleep(600)

    return UserFunctions(make, train, by_coordinates(1, 0), digest="the same")


def untimed(outcome):
    """The outcome without its times and memory."""
    return [(row.arm, row.scores, row.against_plain, row.position) for row in outcome]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks a process that loaded torch")
def test_a_killed_trial_continues_and_ends_like_an_uninterrupted_one(tmp_path):
    forked = multiprocessing.get_context("fork")
    folder = tmp_path / "killed"
    for run in (1, 4):
        one = forked.Process(
            target=trial, args=(slow_at(folder, run), folder), kwargs={"arms": ARMS, "seeds": 5}
        )
        one.start()
        while len(lines_of(folder)) < run + 1 and one.is_alive():
            time.sleep(0.02)
        assert one.is_alive()
        os.kill(one.pid, signal.SIGKILL)
        one.join()
        assert len(lines_of(folder)) == run + 1
    functions = slow_at(folder, 1000)
    resumed = trial(functions, folder, arms=ARMS, seeds=5)
    whole = trial(functions, tmp_path / "whole", arms=ARMS, seeds=5)
    assert untimed(resumed) == untimed(whole)


def test_a_call_may_be_limited_in_runs_and_the_next_continues(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    first = trial(functions, tmp_path, arms=["first"], seeds=5, runs=4)
    assert len(lines_of(tmp_path)) == 5
    assert "ended after 4 runs" in str(first)
    trial(functions, tmp_path, arms=["first"], seeds=5, runs=100)
    assert len(lines_of(tmp_path)) == 11
    done = trial(functions, tmp_path, arms=["first"], seeds=5, runs=1)
    assert done.remark == ""
    with pytest.raises(InputError, match="runs must be at least 1"):
        trial(functions, tmp_path, runs=0)


@pytest.mark.parametrize("place", ["making", "training", "scoring", "computing the errors of"])
def test_an_error_of_a_function_names_its_arm_and_seed(tmp_path, place):
    def failing(model):
        raise ZeroDivisionError("of the user")

    def made():
        return failing(None) if place == "making" else make()

    functions = UserFunctions(
        made,
        failing if place == "training" else nothing,
        failing if place == "scoring" else by_coordinates(1, 0),
        errors=failing if place == "computing the errors of" else None,
    )
    with pytest.raises(ZeroDivisionError, match="of the user") as raised:
        trial(functions, tmp_path, arms=["first"], seeds=1)
    [note] = raised.value.__notes__
    assert note.startswith(f"while {place} the arm 'none' with seed 0")
    assert any("failing" in str(entry) for entry in raised.traceback)


@pytest.mark.parametrize(
    "train", ["open('missing.npz')", "b'\\xff'.decode()", "__import__('sys').exit(0)"]
)
def test_errors_of_the_user_are_not_taken_for_errors_of_the_command(tmp_path, train):
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n"
        "def make(): return nn.Sequential(nn.Conv2d(1, 1, 1))\n"
        f"def train(model): {train}\n"
        "def score(model): return 0.0\n"
    )
    with pytest.raises(RuntimeError) as raised:  # Python prints it, and exits with 1
        main(["trial", str(file), "--out", str(tmp_path)])
    said = "".join(traceback.format_exception(raised.value))
    assert f"def train(model): {train}" in said
    assert "while training the arm 'none' with seed 0" in said


def test_a_model_with_a_sparse_buffer_is_compared(tmp_path):
    def sparse():
        model = make()
        model.register_buffer("mask", torch.eye(3).to_sparse())
        return model

    functions = UserFunctions(sparse, nothing, by_coordinates(1, 0))
    trial(functions, tmp_path, arms=["first"], seeds=1)
    assert len(lines_of(tmp_path)) == 3


def test_the_command_shows_the_traceback_of_the_user(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n"
        "def make(): return nn.Sequential(nn.Conv2d(1, 1, 1))\n"
        "def train(model): return nowhere\n"
        "def score(model): return 0.0\n"
    )
    with pytest.raises(NameError) as raised:  # Python prints it, and exits with 1
        main(["trial", str(file), "--out", str(tmp_path)])
    said = "".join(traceback.format_exception(raised.value))
    assert "NameError: name 'nowhere' is not defined" in said
    assert 'mine.py", line 3, in train' in said
    assert "while training the arm 'none' with seed 0" in said


def test_a_nan_score_affects_only_its_seed_and_is_reported(tmp_path):
    def score(model):
        value = torch.rand(()).item() / 10 + has_coordinates(model)
        is_bad = has_coordinates(model) and torch.initial_seed() == 3
        return float("nan") if is_bad else value

    lines = []
    functions = UserFunctions(make, nothing, score)
    outcome = trial(functions, tmp_path, arms=["first"], seeds=10, report=lines.append)
    assert any(line.startswith("first, seed 3: the score is nan") for line in lines)
    assert outcome[0].failed == 1
    assert outcome[0].against_plain.verdict == "helps"
    assert "1 run has no score" in outcome[0].words


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 1)), "has no convolution"),
        (lambda: nn.Sequential(nn.Conv2d(1, 1, 1)), "no convolution of the model is named 'there'"),
        (lambda: nn.Sequential(OrderedDict(their=nn.Conv2d(1, 1, 1))), "did you mean 'their'?"),
    ],
)
def test_an_arm_that_cannot_be_converted_is_reported_in_one_line(tmp_path, model, message):
    functions = UserFunctions(model, nothing, lambda model: 1.0)
    lines = []
    outcome = trial(functions, tmp_path, arms=["there", "all"], seeds=2, report=lines.append)
    assert message in outcome[0].words
    assert not outcome[0].words.endswith(("?.", ".."))
    assert sum(line.startswith("there: ") for line in lines) == 1
    assert "\n" not in outcome[0].words
    has_convolutions = any(isinstance(module, nn.Conv2d) for module in model().modules())
    assert (outcome[1].scores is not None) == has_convolutions


def test_the_command_succeeds_for_a_model_without_convolutions(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n"
        "def make(): return nn.Sequential(nn.Linear(2, 2))\n"
        "def train(model): pass\n"
        "def score(model): return 1.0\n"
    )
    assert main(["trial", str(file), "--out", str(tmp_path / "out"), "--seeds", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("cannot be converted") >= 3


@pytest.mark.parametrize(
    "score",
    [torch.tensor([0.5, 0.2]), torch.tensor(1 + 2j), torch.empty((), device="meta"), 10**400],
    ids=["two numbers", "complex", "meta", "too large"],
)
def test_a_score_that_is_not_one_real_number_is_refused(tmp_path, score):
    functions = UserFunctions(make, nothing, lambda _: score, digest="odd")
    with pytest.raises(TypeError, match=r"score must return one real number, got .* of type"):
        trial(functions, tmp_path, arms=ARMS, seeds=1)


def test_a_model_without_weights_is_refused(tmp_path):
    functions = UserFunctions(lambda: make().to("meta"), nothing, lambda _: 1.0)
    with pytest.raises(InputError, match="is on the meta device"):
        trial(functions, tmp_path, arms=ARMS, seeds=1)
