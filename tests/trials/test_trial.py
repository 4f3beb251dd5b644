"""A trial compares arms that differ in their coordinates and in nothing else."""

import json
import random
import re
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from coordconv import CoordConv2d, convert, precompute, revert
from coordconv_lab.cli import main
from coordconv_lab.cli.trial import trial as command
from coordconv_lab.errors import InputError
from coordconv_lab.results.digest import with_digest
from coordconv_lab.trials import UserFunctions, trial
from coordconv_lab.trials.page import as_html, as_markdown
from coordconv_lab.trials.run import DEFAULT_ARMS
from coordconv_lab.trials.verdicts import power
from tests.trials.models import IMAGES, by_coordinates, has_coordinates, make, nothing, pointwise

DOCS = Path(__file__).parents[2] / "docs"


def test_arms_have_the_same_initial_weights_and_random_numbers(tmp_path):
    seen = {}

    def train(model, seed):
        drawn = random.random(), np.random.rand(), torch.rand(()).item()
        seen.setdefault(seed, []).append((model(IMAGES).detach(), drawn))

    def score(model):
        with torch.no_grad():  # called, so that its coordinates can be shuffled
            return model(IMAGES).sum().item()

    functions = UserFunctions(make, train, score)
    trial(functions, tmp_path, arms=["first", "all", "shuffled:first"], seeds=2)
    for arms in seen.values():
        assert len(arms) == 4
        assert all(torch.equal(output, arms[0][0]) for output, _ in arms)
        assert len({drawn for _, drawn in arms}) == 1
    assert seen[0][0][1] != seen[1][0][1]


def seeds_of(outcome):
    """Number of seeds of the model without coordinates, and of each arm."""
    counts = [outcome.plain, *(row.scores for row in outcome)]
    return [None if one is None else one[1] for one in counts]


def verdicts_of(outcome):
    """The verdict of each arm."""
    return [row.against_plain and row.against_plain.verdict for row in outcome]


@pytest.mark.parametrize(("gain", "higher", "verdict"), [(1, True, "helps"), (1, False, "hurts")])
def test_an_arm_with_a_clear_verdict_stops(tmp_path, gain, higher, verdict):
    functions = UserFunctions(make, nothing, by_coordinates(gain, 0), higher)
    outcome = trial(functions, tmp_path, arms=["first"], seeds=20)
    assert verdicts_of(outcome) == [verdict]
    assert seeds_of(outcome) == [5, 5]


def test_an_undecided_arm_continues_when_another_has_stopped(tmp_path):
    def score(model):
        count = sum(isinstance(module, CoordConv2d) for module in model.modules())
        return float(count == 2) + torch.randn(()).item() / 10

    outcome = trial(UserFunctions(make, nothing, score), tmp_path, arms=["first", "all"], seeds=10)
    first, all_of_them = outcome
    assert (first.scores[1], all_of_them.scores[1]) == (10, 5)
    assert (first.against_plain.verdict, all_of_them.against_plain.verdict) == (
        "undecided",
        "helps",
    )
    assert outcome.plain[1] == 10


def test_an_arm_continues_until_the_comparison_with_its_shuffled_twin_is_clear(tmp_path):
    outcome = trial(
        UserFunctions(make, nothing, by_coordinates(1, 0)),
        tmp_path,
        arms=["first", "shuffled:first"],
        seeds=10,
    )
    assert verdicts_of(outcome) == ["helps", "helps"]
    assert outcome[0].against_shuffled is not None
    assert outcome[0].against_shuffled.verdict == "undecided"
    assert seeds_of(outcome) == [10, 10, 10]
    assert "help as much is undecided" in outcome[0].words


def test_shuffled_coordinates_carry_no_position_and_change_at_each_call(tmp_path):
    seen = []

    def score(model):
        if has_coordinates(model):
            with torch.no_grad():
                model[0].weight.zero_()
                model[0].coord_weight.zero_()[0, 0] = 1  # the first output is x
            seen.append([model[0](IMAGES)[:, 0] for _ in range(2)])
        return 0.0

    def pointwise():
        return nn.Sequential(nn.Conv2d(1, 2, 1, bias=False))

    trial(UserFunctions(pointwise, nothing, score), tmp_path, arms=["shuffled:first"], seeds=1)
    [(once, again)] = seen
    x = torch.linspace(-1, 1, 8).repeat(6).sort().values
    for maps in (once, again):
        assert torch.allclose(maps.flatten(1).sort(-1).values, x.expand(4, -1))
    assert not torch.equal(once, again)
    assert not torch.equal(once[0], once[1])


def test_the_trained_network_is_also_scored_with_the_mean_position(tmp_path):
    def train(model):
        if has_coordinates(model):
            with torch.no_grad():
                model[0].coord_weight.zero_()[0, 0] = 1

    def score(model):
        return model(IMAGES).std().item()

    functions = UserFunctions(pointwise, train, score)
    outcome = trial(functions, tmp_path, arms=["first"], seeds=5)
    assert outcome[0].position is not None
    assert outcome[0].position.verdict == "helps"
    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()[1:]]
    plain = {one["seed"]: one["score"] for one in lines if one["arm"] == "none"}
    for one in lines:
        if one["arm"] == "first":
            assert one["without_position"] == pytest.approx(plain[one["seed"]], rel=1e-5)


def test_a_trial_that_is_stopped_continues_where_it_was(tmp_path):
    counts = {"calls": 0, "stop": 7}

    def train(model):
        counts["calls"] += 1
        if counts["calls"] == counts["stop"]:
            raise RuntimeError("out of memory")

    functions = UserFunctions(make, train, by_coordinates(0.5, 0.2), digest="the same")
    with pytest.raises(RuntimeError, match="out of memory") as raised:
        trial(functions, tmp_path / "stopped", arms=["first"], seeds=5)
    assert "training the arm 'none' with seed 3" in raised.value.__notes__[0]
    resumed = trial(functions, tmp_path / "stopped", arms=["first"], seeds=5)
    assert counts["calls"] == 11  # the stopped run was begun twice
    whole = trial(functions, tmp_path / "whole", arms=["first"], seeds=5)
    assert [row.against_plain for row in resumed] == [row.against_plain for row in whole]


def test_a_score_that_is_not_finite_is_a_failed_run_and_the_rest_continues(tmp_path):
    def score(model):
        return float("nan") if has_coordinates(model) else 1.0

    functions = UserFunctions(make, nothing, score)
    outcome = trial(functions, tmp_path, arms=["first"], seeds=3)
    assert (outcome[0].failed, outcome[0].against_plain) == (3, None)
    assert seeds_of(outcome) == [3, None]
    assert "no run has a score" in outcome[0].words


def test_an_arm_that_cannot_be_made_is_reported_and_the_others_continue(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    outcome = trial(functions, tmp_path, arms=["head", "first"], seeds=5)
    assert "cannot be converted" in outcome[0].words
    assert verdicts_of(outcome) == [None, "helps"]
    linear = UserFunctions(lambda: nn.Linear(2, 2), lambda model: None, lambda model: 0.0)
    outcome = trial(linear, tmp_path / "linear", arms=["first"], seeds=5)
    assert "cannot be converted" in outcome[0].words


def test_runs_of_other_code_are_not_mixed(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0), digest="one")
    trial(functions, tmp_path, arms=["first"], seeds=1)
    other = functions._replace(digest="two")
    with pytest.raises(InputError, match="other code"):
        trial(other, tmp_path, arms=["first"], seeds=1)
    assert seeds_of(trial(other, tmp_path, arms=["first"], seeds=1, fresh=True)) == [1, 1]


def test_functions_without_a_file_are_identified_by_their_code(tmp_path):
    trial(UserFunctions(make, nothing, lambda model: 1.0), tmp_path, arms=["first"], seeds=1)
    trial(UserFunctions(make, nothing, lambda model: 1.0), tmp_path, arms=["first"], seeds=1)
    with pytest.raises(InputError, match="other code"):
        trial(UserFunctions(make, nothing, lambda model: 9.0), tmp_path, arms=["first"], seeds=1)


def test_make_must_return_a_new_model_each_time(tmp_path):
    one = make()

    def train(model):
        with torch.no_grad():
            model[0].weight.add_(1)

    functions = UserFunctions(lambda: one, train, lambda model: torch.rand(()).item())
    outcome = trial(functions, tmp_path, arms=["first"], seeds=1)
    assert "different weights" in outcome[0].words
    known = UserFunctions(lambda: nn.Sequential(CoordConv2d(1, 1, 1)), nothing, lambda model: 0.0)
    with pytest.raises(InputError, match="without coordinates"):
        trial(known, tmp_path / "known", arms=["first"], seeds=1)


def test_layers_that_are_not_called_cannot_be_shuffled(tmp_path):
    def train(model):
        model[0].forward(IMAGES)

    functions = UserFunctions(make, train, lambda model: 0.0)
    outcome = trial(functions, tmp_path, arms=["first", "shuffled:first"], seeds=1)
    assert "could not be shuffled" in outcome[1].words
    assert seeds_of(outcome) == [1, 1, None]


@pytest.mark.parametrize("in_place", [False, True])
def test_an_arm_that_loses_its_coordinates_in_training_is_not_compared(tmp_path, in_place):
    def train(model):
        nothing(model)
        if in_place:
            revert(model, discard=True)
            return None
        best = make()
        best.load_state_dict(model.state_dict(), strict=False)
        return best

    outcome = trial(
        UserFunctions(make, train, by_coordinates(1, 0)), tmp_path, arms=["first"], seeds=2
    )
    assert "the trained model has no coordinates" in outcome[0].words
    assert seeds_of(outcome) == [1, None]


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("finish", [torch.jit.trace, precompute])
def test_an_arm_may_return_its_model_in_another_form(tmp_path, finish):
    def train(model):
        nothing(model)
        return finish(model.eval(), IMAGES) if has_coordinates(model) else None

    functions = UserFunctions(pointwise, train, lambda model: torch.rand(()).item())
    outcome = trial(functions, tmp_path, arms=["first"], seeds=1)
    assert seeds_of(outcome) == [1, 1]


def test_tensors_of_the_model_may_be_called_coordinates(tmp_path):
    def made():
        model = make()
        model[0].register_buffer("relative_coords_table", torch.zeros(1))  # as in Swin v2
        return model

    functions = UserFunctions(made, nothing, by_coordinates(1, 0))
    assert seeds_of(trial(functions, tmp_path, arms=["first"], seeds=1)) == [1, 1]


def test_the_arm_without_coordinates_has_none(tmp_path):
    def train(model):
        convert(model, "all")

    with pytest.raises(InputError, match="train added coordinates"):
        trial(UserFunctions(make, train, by_coordinates(1, 0)), tmp_path, arms=["first"], seeds=2)

    def made(where=None):
        return convert(make(), "all" if where is None else where)

    with pytest.raises(InputError, match="without coordinates"):
        trial(UserFunctions(made, nothing, by_coordinates(1, 0)), tmp_path, arms=["first"], seeds=2)


def test_a_run_does_not_change_the_defaults_of_torch_for_the_next(tmp_path):
    def train(model):
        model(IMAGES).sum().backward()
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)

    functions = UserFunctions(make, train, lambda model: float(has_coordinates(model)))
    outcome = trial(functions, tmp_path, arms=["first"], seeds=2)
    assert seeds_of(outcome) == [2, 2]
    assert torch.get_default_dtype() == torch.zeros(()).dtype == torch.float32
    assert torch.zeros(()).device.type == "cpu"
    assert torch.is_grad_enabled()


def test_both_scores_of_a_network_use_the_same_random_numbers(tmp_path):
    outcome = trial(
        UserFunctions(make, nothing, lambda model: torch.rand(()).item()),
        tmp_path,
        arms=["first"],
        seeds=5,
    )
    assert outcome[0].position is None or set(outcome[0].position.differences) == {0}


def test_failed_runs_are_stored_and_reported(tmp_path):
    calls = []

    def score(model):
        calls.append(model)
        return 1.0 if has_coordinates(model) else float("inf")

    functions = UserFunctions(make, nothing, score, digest="one")
    for _ in range(2):
        outcome = trial(functions, tmp_path, arms=["first"], seeds=2)
        assert "2 runs without coordinates have no score" in str(outcome)
        assert len(calls) == 6  # each network once, and those with coordinates at the mean


def test_the_command_has_the_arms_of_the_function():
    assert signature(command).parameters["arm"].default == DEFAULT_ARMS


def test_the_page_shows_the_output_of_the_example_and_the_computed_power():
    page = (DOCS / "trial.md").read_text()
    [shown] = re.findall(r"```text\n(.*?)```", page, re.S)
    assert shown.strip() in (DOCS / "gallery.md").read_text()
    stated = re.search(
        r" in (\d+)% of trials with 10.* in (\d+)% of.* in (\d+)% of.* in (\d+)% of trials\.", page
    )
    assert stated is not None
    chances = power(2, 6, 10), power(1, 6, 10), power(1, 6, 20), power(1, 2, 20)
    assert [int(one) for one in stated.groups()] == [round(100 * one) for one in chances]


def test_the_time_limit_ends_a_trial_between_runs(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    outcome = trial(functions, str(tmp_path), arms=["first"], seeds=5, minutes=1e-9)
    assert "Time ran out" in str(outcome)


def test_a_damaged_line_is_named(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    trial(functions, tmp_path, arms=["first"], seeds=1)
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"arm": "first", "se\n')
    with pytest.raises(InputError, match=r"line 4 of .* is damaged"):
        trial(functions, tmp_path, arms=["first"], seeds=1)


def rewritten(line: str, with_digest_: bool, **changes: object) -> str:
    fields = {**json.loads(line), **changes}
    if with_digest_:
        del fields["content_sha256"]
        fields = with_digest(fields)
    return json.dumps(fields)


@pytest.mark.parametrize(
    "changes",
    [
        {"score": float("nan")},
        {"score": True},
        {"score": "0.5"},
        {"seed": -1},
        {"seed": 0.5},
        {"seed": "0"},
        {"memory": "x"},
        {"changed": [1]},
        {"surplus": 1},
    ],
)
def test_an_impossible_value_is_named(tmp_path, changes):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    trial(functions, tmp_path, arms=["first"], seeds=1)
    path = tmp_path / "runs.jsonl"
    *lines, last = path.read_text().splitlines()
    path.write_text("\n".join([*lines, rewritten(last, True, **changes)]))
    with pytest.raises(InputError, match=r"line 3 of .* is damaged; delete it"):
        trial(functions, tmp_path, arms=["first"], seeds=1)


def test_a_changed_score_is_detected(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    trial(functions, tmp_path, arms=["first"], seeds=1)
    path = tmp_path / "runs.jsonl"
    *lines, last = path.read_text().splitlines()
    path.write_text("\n".join([*lines, rewritten(last, False, score=5.0)]))
    with pytest.raises(InputError, match=r"line 3 of .* is damaged"):
        trial(functions, tmp_path, arms=["first"], seeds=1)


def test_a_second_line_of_a_run_is_refused(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    trial(functions, tmp_path, arms=["first"], seeds=1)
    path = tmp_path / "runs.jsonl"
    text = path.read_text()
    path.write_text(text + rewritten(text.splitlines()[-1], True, score=5.0))
    with pytest.raises(InputError, match=r"line 4 of .* is a second run of the arm first"):
        trial(functions, tmp_path, arms=["first"], seeds=1)


@pytest.mark.parametrize("first", ["{", "[" * 100_000, "5"])
def test_a_damaged_first_line_is_not_to_be_deleted(tmp_path, first):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    trial(functions, tmp_path, arms=["first"], seeds=1)
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join([first, *path.read_text().splitlines()[1:]]))
    with pytest.raises(InputError, match=r"line 1 of .* restore it, or choose another --out"):
        trial(functions, tmp_path, arms=["first"], seeds=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arms": []}, "needs an arm"),
        ({"arms": ["first", "first"]}, "twice"),
        ({"arms": ["shuffled:"]}, "an arm must be"),
        ({"seeds": 0}, "between 1 and"),
        ({"minutes": 0}, "more than 0"),
        ({"min_difference": -1}, "at least 0"),
        ({"seeds": 1.5}, "seeds must be an integer, got 1.5"),
        ({"seeds": True}, "seeds must be an integer, got True"),
        ({"usage": "no"}, "usage must be True or False, got 'no'"),
        ({"fresh": "no"}, "fresh must be True or False, got 'no'"),
        ({"minutes": "3"}, "minutes must be a number, got '3'"),
        ({"min_difference": None}, "min_difference must be a number, got None"),
        ({"gpus_per_run": None}, "GPUs per run must be a number, got None"),
        ({"arms": [1]}, "arms must be names such as 'first', got"),
        ({"arms": None}, "arms must be names such as 'first', got None"),
        ({"runs": 1.5}, "runs must be an integer, got 1.5"),
        ({"cpus_per_run": 1.5}, "cpus per run must be an integer, got 1.5"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, message):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    with pytest.raises(InputError, match=message):
        trial(functions, tmp_path, **{"arms": ["first"], "seeds": 5, **options})


def test_the_better_direction_is_true_or_false(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0), "no")
    with pytest.raises(InputError, match="higher_is_better must be True or False, got 'no'"):
        trial(functions, tmp_path, arms=["first"], seeds=1)


def test_names_on_the_page_are_escaped(tmp_path):
    functions = UserFunctions(make, nothing, by_coordinates(1, 0))
    outcome = trial(functions, tmp_path, arms=["first", "<b>$x$</b>"], seeds=5)
    page = as_html(outcome, "<script>alert(1)</script>")
    assert "<script" not in page
    assert "<b>" not in page
    assert "coordinates help" in page
    assert as_markdown(outcome).count("\n| ") == 5


FILE = """
import torch
from torch import nn
def make(): return nn.Sequential(nn.Conv2d(1, 2, 3))
def train(model, epochs=3, *, seed): assert epochs == 3; {train}
def score(model): return float(hasattr(model[0], "coord_weight")) + torch.rand(()).item() / 100
"""


def test_the_command_writes_the_page(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(FILE.format(train="pass"))
    out = tmp_path / "out"
    command = ["trial", str(file), "--arm", "first", "--seeds", "5", "--out", str(out)]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "coordinates help (mean improvement +1" in shown
    assert "coordinates help" in (out / "trial.html").read_text()
    assert "coordinates help" in (out / "trial.md").read_text()
    assert main(command) == 0  # nothing is left to do
    assert "seed 0:" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def make(): pass", "train, score are missing"),
        ("1 / 0", "ZeroDivisionError"),
        ("def make(): return 1\ndef train(m): pass\ndef score(m): return 1", "torch.nn.Module"),
        (None, "cannot read"),
    ],
)
def test_an_unusable_file_is_reported_in_one_line(tmp_path, capsys, content, message):
    file = tmp_path / "mine.py"
    if content is not None:
        file.write_text(content)
    assert main(["trial", str(file), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
