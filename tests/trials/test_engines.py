"""The order in which the runs of a round end makes no difference to a trial."""

import json
import pickle
import random
import sys
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from coordconv import CoordConv2d, Placement, positions
from coordconv_lab.cli import main
from coordconv_lab.errors import InputError
from coordconv_lab.trials import UserFunctions, load_functions, run, trial
from coordconv_lab.trials.engines import Ended
from coordconv_lab.trials.functions import file_of
from coordconv_lab.trials.jobs import failure_of
from coordconv_lab.trials.mirror_watch import MirrorWatch
from coordconv_lab.trials.one_run import OneRun, UnusableArmError
from tests.trials.models import by_coordinates, has_coordinates, make, nothing
from tests.trials.test_mirroring import Images, flipped, functions_with

ARMS = ["first", "all", "shuffled:first"]


class ManyAtOnce:
    """An engine that begins many runs, and ends them in any order, as processes would."""

    def __init__(self, functions, directory, at_once, order=0):
        self.functions, self.directory, self.at_once = functions, directory, at_once
        self.begun, self.events = [], []
        self.random = random.Random(order)

    def begin(self, job, watch):
        self.begun.append(pickle.dumps((job, watch)))
        self.events.append(("begun", job.arm.name, job.seed))
        assert len(self.begun) <= self.at_once

    def ended(self):
        job, watch = pickle.loads(self.begun.pop(self.random.randrange(len(self.begun))))
        self.events.append(("ended", job.arm.name, job.seed))
        one = OneRun(self.functions, job.arm, job.seed, self.directory, usage=True)
        try:
            found = one.do(job.weights, watch)
        except UnusableArmError as error:
            found = error
        except ZeroDivisionError as error:
            found = failure_of(job, error)
        return pickle.loads(pickle.dumps(Ended(job, found, watch)))


@pytest.fixture
def at_once(monkeypatch):
    """Return a function that runs a trial with many runs at once, and returns its engine, too."""

    def started(functions, directory, count, order=0, **options):
        engine = ManyAtOnce(functions, directory, count, order)
        monkeypatch.setattr(run, "opened", lambda *_: nullcontext(engine))
        outcome = trial(functions, directory, **options)
        monkeypatch.undo()
        return outcome, engine

    return started


def runs_of(folder):
    """The finished runs, without times and memory, and the digests of their lines."""
    lines = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()[1:]]
    for one in lines:
        del one["seconds"], one["memory"], one["content_sha256"]
    return sorted(lines, key=lambda one: (one["seed"], one["arm"]))


def verdicts_of(outcome):
    return [(row.arm, row.scores, row.against_plain, row.against_shuffled) for row in outcome]


def count_of(model):
    """Number of layers with coordinates."""
    return sum(isinstance(module, CoordConv2d) for module in model.modules())


def score_by_arm(model):
    """Clear for one arm, unclear for the other."""
    return float(count_of(model) == 2) + torch.randn(()).item() / 10


@pytest.mark.parametrize(("count", "order"), [(1, 0), (3, 0), (3, 1), (100, 2)])
def test_runs_that_end_in_any_order_equal_sequential_runs(tmp_path, at_once, count, order):
    functions = UserFunctions(make, nothing, score_by_arm)
    options = {"arms": ARMS, "seeds": 10}
    serial = trial(functions, tmp_path / "serial", **options)
    outcome, _ = at_once(functions, tmp_path / "many", count, order, **options)
    assert verdicts_of(outcome) == verdicts_of(serial)
    assert runs_of(tmp_path / "many") == runs_of(tmp_path / "serial")
    assert len({one["arm"] for one in runs_of(tmp_path / "many") if one["seed"] == 9}) < 4


def test_no_run_of_a_round_begins_before_the_last_of_the_round_before_has_ended(tmp_path, at_once):
    functions = UserFunctions(make, nothing, lambda model: torch.rand(()).item())
    _, engine = at_once(functions, tmp_path, 100, arms=["first"], seeds=12)
    for end in (5, 10):
        last = max(at for at, (_, _, seed) in enumerate(engine.events) if seed < end)
        first = min(at for at, (_, _, seed) in enumerate(engine.events) if seed >= end)
        assert last < first
    begun = [event for event in engine.events[:10] if event[0] == "begun"]
    assert len(begun) == 10  # all of the first round at once


def test_a_trial_that_ends_within_a_round_gives_no_verdict_for_the_round(tmp_path, at_once):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    for order in range(5):
        folder = tmp_path / str(order)
        early, _ = at_once(functions, folder, 9, order, arms=["first"], seeds=5, runs=9)
        assert "ended after 9 runs" in str(early)
        assert early[0].against_plain.verdict == "undecided"
        assert early[0].against_plain.interval is None
        outcome, engine = at_once(functions, folder, 9, order, arms=["first"], seeds=5)
        assert len(engine.events) == 2  # one run was missing
        assert outcome[0].against_plain.verdict == "helps"


def test_a_failing_function_is_reported_and_the_other_runs_continue(tmp_path, at_once):
    is_broken = True

    def score(model):
        if is_broken and has_coordinates(model) and torch.initial_seed() in (1, 2):
            raise ZeroDivisionError("of the user")
        return score_by_arm(model)

    functions = UserFunctions(make, nothing, score, digest="the same")
    lines = []
    options = {"arms": ARMS, "seeds": 10}
    outcome, engine = at_once(functions, tmp_path / "many", 4, **options, report=lines.append)
    failed = {(one.arm, one.seed) for one in outcome.failures}
    assert failed == {(arm, seed) for arm in ARMS for seed in (1, 2)}
    assert "6 runs ended with an error: ZeroDivisionError: of the user (" in outcome.remark
    for arm, seed in failed:
        assert f"{arm}, seed {seed}: failed: ZeroDivisionError: of the user" in lines
    [told] = [line for line in lines if "Traceback" in line]
    assert "in score" in told
    assert "while scoring the arm" in told
    assert len(runs_of(tmp_path / "many")) == 5 * 4 - 6  # the round was ended, and no other begun
    assert {seed for _, _, seed in engine.events} == set(range(5))
    assert all(row.against_plain.verdict == "undecided" for row in outcome)
    is_broken = False
    outcome, _ = at_once(functions, tmp_path / "many", 4, **options)
    assert not outcome.failures
    serial = trial(functions, tmp_path / "serial", **options)
    assert verdicts_of(outcome) == verdicts_of(serial)
    assert runs_of(tmp_path / "many") == runs_of(tmp_path / "serial")


def test_an_arm_that_fails_does_not_stop_another(tmp_path, at_once):
    def train(model):
        if count_of(model) == 2:
            raise ZeroDivisionError

    functions = UserFunctions(make, train, lambda model: torch.rand(()).item())
    outcome, _ = at_once(functions, tmp_path, 3, arms=["first", "all"], seeds=10)
    assert {one.arm for one in outcome.failures} == {"all"}
    assert "ZeroDivisionError()" in outcome.remark
    assert outcome[0].scores[1] == 10


def test_a_model_with_other_weights_in_another_process_is_refused(tmp_path, at_once):
    drawn = iter(range(1000))

    def other_each_time():
        model = make()
        nn.init.constant_(model[0].weight, next(drawn))
        return model

    functions = UserFunctions(other_each_time, nothing, lambda model: 0.0)
    for order in range(4):
        folder = tmp_path / str(order)
        outcome, _ = at_once(functions, folder, 100, order, arms=["first"], seeds=3)
        assert "different weights" in outcome[0].words
        assert {one["arm"] for one in runs_of(folder)} == {"none"}


def mirrored(is_said):
    """Functions that train on mirrored images, and may say where their pixels are."""

    def call(model, batch):
        with positions(model, Placement((24, 32))) if is_said else nullcontext():
            model(batch[0])

    return functions_with(Images(flipped([-1])), call)


@pytest.mark.parametrize("order", range(3))
@pytest.mark.parametrize("is_said", [True, False])
def test_the_first_runs_of_processes_know_whether_positions_are_given(
    tmp_path, at_once, order, is_said
):
    functions = mirrored(is_said)
    outcome, _ = at_once(functions, tmp_path, 100, order, arms=["first"], seeds=2)
    assert bool(outcome.warnings) is not is_said
    warned = {one["arm"] for one in runs_of(tmp_path) if one["warning"]}
    assert warned == (set() if is_said else {"first"})


def test_a_trial_that_resumes_with_an_arm_knows_whether_positions_are_given(tmp_path):
    functions = mirrored(is_said=True)
    trial(functions, tmp_path, arms=["first"], seeds=1, runs=1)
    assert not trial(functions, tmp_path, arms=["first"], seeds=1).warnings


def test_the_findings_of_a_watch_are_copied_once():
    mine, other = MirrorWatch(), MirrorWatch()
    other.has_looked, other.are_positions_given, other.has_trained = True, True, True
    mine.learn(other)
    assert (mine.has_looked, mine.are_positions_given, mine.has_trained) == (True, True, True)
    mine.learn(MirrorWatch())
    assert (mine.has_looked, mine.are_positions_given, mine.has_trained) == (True, True, True)


FILE = """
import random
import numpy as np
import torch
from torch import nn
DATA = torch.rand(3).tolist(), np.random.rand(), random.random()
def make(): return nn.Sequential(nn.Conv2d(1, 1, 1))
def train(model): pass
def score(model): return 0.0
"""


def test_random_data_of_a_file_are_the_same_in_each_process(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    drawn = []
    for _ in range(2):
        random.seed()
        torch.seed()
        drawn.append(load_functions(file).make.__globals__["DATA"])
    assert drawn[0] == drawn[1]


def test_a_file_is_known_unless_a_function_is_from_another_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    functions = load_functions(file)
    assert file_of(functions) == file.resolve()
    assert file_of(functions._replace(digest="other")) == file.resolve()
    for change in ({"score": max}, {"higher_is_better": False}, {"errors": max}, {"file": None}):
        assert file_of(functions._replace(**change)) is None


def test_runs_have_the_requested_number_of_threads(tmp_path):
    before = torch.get_num_threads()
    functions = UserFunctions(make, nothing, lambda model: float(torch.get_num_threads()))
    trial(functions, tmp_path, arms=["first"], seeds=1, cpus_per_run=before + 1)
    assert {one["score"] for one in runs_of(tmp_path)} == {before + 1}
    assert torch.get_num_threads() == before


def test_without_ray_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in ("sweep.cluster", "sweep.ray_tasks", "trials.on_ray"):
        monkeypatch.delitem(sys.modules, f"coordconv_lab.{name}", raising=False)
    functions = UserFunctions(make, nothing, lambda model: 0.0)
    with pytest.raises(InputError, match=r"pip install 'torch-coordconv\[sweep\]'"):
        trial(functions, tmp_path, arms=["first"], seeds=1, engine="ray")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "slurm"}, "serial or ray, got 'slurm'"),
        ({"address": "auto"}, "an address can only be given with the engine ray"),
        ({"gpus_per_run": 0.5}, "GPUs per run can only be given"),
        ({"gpus_per_run": float("nan"), "engine": "ray"}, "between 0 and"),
        ({"cpus_per_run": 0}, "cpus per run must be between 1 and"),
    ],
)
def test_resources_that_make_no_sense_are_refused(tmp_path, options, message):
    functions = UserFunctions(make, nothing, lambda model: 0.0)
    with pytest.raises(InputError, match=message):
        trial(functions, tmp_path, **{"arms": ["first"], "seeds": 1, **options})


def test_the_command_exits_with_one_if_runs_failed(tmp_path, monkeypatch, capsys):
    file = tmp_path / "mine.py"
    file.write_text(FILE.replace("return 0.0", "return 1 / 0"))
    functions, out = load_functions(file), tmp_path / "out"
    engine = ManyAtOnce(functions, out, 100)
    monkeypatch.setattr(run, "opened", lambda *_: nullcontext(engine))
    with pytest.raises(SystemExit) as raised:
        main(["trial", str(file), "--arm", "first", "--seeds", "1", "--out", str(out)])
    assert raised.value.code == 1
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().out
    assert "2 runs ended with an error" in (out / "trial.html").read_text()
