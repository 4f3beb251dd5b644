"""The table of tasks with known answers matches the committed records."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.networks_of_known_use import cancelling, shaded, undoing_the_shading
from benchmarks.tasks_of_place import SIDE_WITHOUT_BORDER, TASKS, Task, balls, is_left, overlap
from coordconv.usage import coordinate_usage
from tests.docs.programs import is_current

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def test_the_page_matches_the_records():
    assert is_current("make_known_tasks.py"), "run `make speed`"


def test_the_record_has_every_task_and_follows_the_rules():
    record = json.loads((RESULTS / "known_tasks.json").read_text())
    known = {task.name: task.needs_position for task in TASKS}
    assert {one["task"]: one["needs_position"] for one in record["tasks"]} == known
    assert sorted(known.values()) == [False] * 5 + [True] * 5
    for one in record["tasks"]:
        said = one["trial"]
        is_yes = said["verdict"] == said["beside_shuffled"] == "helps"
        assert said["answer"] == ("yes" if is_yes else "no")
        assert one["is_right"] == (is_yes == one["needs_position"])


def test_the_later_records_have_every_task_and_follow_the_rules():
    record = json.loads((RESULTS / "known_tasks_second.json").read_text())
    side = record["side"]
    is_yes = side["verdict"] == side["beside_shuffled"] == "helps"
    assert side["answer"] == ("yes" if is_yes else "no")
    known = {task.name: task.needs_position for task in TASKS if task.name != "side in 3-D"}
    known[SIDE_WITHOUT_BORDER.name] = True
    assert {one["task"]: one["needs_position"] for one in record["usage"]} == known
    third = json.loads((RESULTS / "known_tasks_third.json").read_text())
    side = third["side"]
    is_yes = side["verdict"] == side["beside_shuffled"] == "helps"
    assert side["answer"] == ("yes" if is_yes else "no")
    for pairs in (third["pairs"], *(one["pairs"] for one in record["usage"])):
        assert [pair["seed"] for pair in pairs] == [1, 2, 3, 4, 5]
        for pair in pairs:
            assert pair["rules"] == rules_of(pair)


def rules_of(pair):
    """The rules that a pair follows, from its numbers."""
    user, other, again = pair["user"], pair["ignoring"], pair["ignoring_rewritten"]
    overlap = max(user["interval"][0], other["interval"][0]) <= min(
        user["interval"][1], other["interval"][1]
    )
    return {
        "a": user["uses_positions"] is True,
        "b": other["uses_positions"] is False,
        "c": not overlap,
        "d": again["norm"] < user["norm"] < other["norm"]
        and again["uses_positions"] is other["uses_positions"],
    }


def test_every_task_can_be_trained_a_step():
    for task in TASKS:
        assert isinstance(task, Task)
        inputs, targets = task.batch(4)
        model = task.network()
        task.loss(model(inputs), targets).backward()
        assert all(one.grad is not None for one in model.parameters())
        assert task.metric(model(inputs), targets).shape == (4,)
        assert isinstance(model[0], nn.Module)


def made(task, seed=0):
    torch.manual_seed(seed)
    inputs, targets = task.batch(16)
    return inputs, targets, task.network()


@pytest.mark.parametrize("task", [one for one in TASKS if not one.needs_position])
def test_a_network_that_undoes_a_shading_has_the_outputs_without_it_and_needs_coordinates(task):
    inputs, _, model = made(task)
    with torch.no_grad():
        expected, wrong = model(inputs), model(shaded(inputs))
        user = undoing_the_shading(model)
        assert torch.allclose(user(shaded(inputs)), expected, atol=1e-5)
        assert not torch.allclose(wrong, expected, atol=1e-2)
    x = torch.linspace(-1, 1, inputs.shape[-1])
    assert torch.allclose(shaded(inputs) - inputs, 2 * x, atol=1e-5)


@pytest.mark.parametrize("task", [*TASKS, SIDE_WITHOUT_BORDER])
def test_coordinates_that_cancel_change_nothing_at_any_norm(task):
    inputs, targets, model = made(task)
    other = cancelling(model, 7.0)
    with torch.no_grad():
        assert torch.allclose(other(inputs), model(inputs), atol=1e-4)
    usage = coordinate_usage(other, [(inputs, targets)], task.metric, min_difference=0.03)
    assert usage.uses_positions is False
    assert sum(usage.norms.values()) == pytest.approx(7, rel=1e-4)
    with torch.no_grad():  # coordinates reach the second layer
        other[2].weight[:, -1] += 1
        assert not torch.allclose(other(inputs), model(inputs), atol=1e-2)


def test_the_side_without_a_border_is_the_task_with_another_padding():
    first = next(task for task in TASKS if task.name == "side in 3-D")
    assert SIDE_WITHOUT_BORDER[3:] == first[3:]
    inputs, _, model = made(first)
    _, _, other = made(SIDE_WITHOUT_BORDER)
    assert all(map(torch.equal, model.parameters(), other.parameters()))
    with torch.no_grad():  # a circular shift by the strides is not seen
        assert torch.allclose(other(inputs.roll(4, -1)), other(inputs), atol=1e-5)
        assert not torch.allclose(model(inputs.roll(4, -1)), model(inputs), atol=1e-5)


def test_balls_and_boxes_are_where_they_say():
    torch.manual_seed(0)
    masks, centers = balls(50, 1, (9, 16), 2)
    column = torch.arange(16.0)
    found = (masks[:, 0].float() * column).sum((1, 2)) / masks[:, 0].sum((1, 2))
    assert (found - centers[:, 0, 1]).abs().max() < 0.6
    assert torch.equal(is_left(centers[:, 0], (9, 16)), centers[:, 0, 1] < 7.5)
    boxes = torch.tensor([[2.0, 2.0, 2.0, 2.0]])
    other = torch.tensor([[3.0, 2.0, 2.0, 2.0]])
    assert overlap(boxes, other).item() == pytest.approx(1 / 3)
