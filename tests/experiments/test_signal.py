"""Signal: recordings, crops, labels, and what networks are told of the time."""

import pytest
import torch

from coordconv import Convention, coordinate_grid
from coordconv_lab.experiments.signal import movements
from coordconv_lab.experiments.signal.recipes import tuned
from coordconv_lab.experiments.signal.source import FOLDS, PEOPLE
from coordconv_lab.experiments.signal.specs import SignalSpec
from coordconv_lab.parts import data_of, network_of, objective_of
from coordconv_lab.recipes import with_settings
from tests.experiments.conftest import awd

TASKS = ("signal-later", "signal-still")
SMALL = {"data.train": 60, "data.test": 20}


def parts(task: str = "signal-later", model: str = "coordconv"):
    spec = with_settings(tuned(task, "first", model), SMALL)
    data = data_of(spec)
    torch.manual_seed(0)
    return data, objective_of(spec, data), network_of(spec).eval()


def test_every_person_is_held_out_once():
    assert sorted(person for fold in FOLDS.values() for person in fold) == sorted(PEOPLE)


def test_a_step_is_the_mean_of_its_five_minutes_and_the_first_is_at_midnight():
    steps = movements.recording(awd("00:07", list(range(1, 300))))
    # Minutes 7 to 9 have the counts 1 to 3, of a step that starts at minute 5.
    assert steps[:2].isnan().all()
    assert steps[2:5].tolist() == [(4 + 8) / 2, (9 + 13) / 2, (14 + 18) / 2]


def test_light_and_markers_beside_a_count_are_ignored():
    plain = movements.recording(awd("00:00", [1] * 300))
    assert torch.equal(movements.recording(awd("00:00", [1] * 300, " M")), plain)
    assert torch.equal(movements.recording(awd("00:00", [1] * 300, " , 53")), plain)


@pytest.mark.parametrize(("minutes", "was_worn"), [(235, True), (240, False)])
def test_during_four_hours_without_any_count_the_device_was_not_worn(minutes, was_worn):
    steps = movements.recording(awd("00:00", [9] * 100 + [0] * minutes + [9] * 100))
    off = steps.isnan()
    assert off.any() != was_worn
    if not was_worn:
        assert torch.equal(off.nonzero().flatten(), torch.arange(20, 68))


def test_labels_follow_from_the_counts_of_the_day(signal):
    """Everybody moves from 8 to 20, and rests for ten minutes at each full hour."""
    steps = movements.recording(movements.SOURCE.read(""))
    found = movements.crops_of(steps)
    start = found["start"][:, 0]
    later = (start + 12 * (2 + 6)) % (12 * 24)  # six hours after the two of the crop
    by_day = (later >= 8 * 12) & (later < 20 * 12 - 12)
    by_night = (later < 7 * 12) | (later >= 20 * 12)
    assert found["active_later"][by_day].all()
    assert not found["active_later"][by_night].any()
    # Two rests of ten minutes are too short; three steps in a row are needed.
    assert not found["still"][(start >= 8 * 12) & (start <= 18 * 12)].any()
    assert found["still"][start <= 5 * 12].all()
    assert start.max() == movements.DAY - movements.CROP


def test_a_crop_contains_the_steps_at_its_start(signal):
    data, _, _ = parts()
    day = movements.recording(movements.SOURCE.read(""))[: movements.DAY]
    at = data.tensors["start"] + torch.arange(movements.CROP)
    counts = (3 * data.tensors["crop"][:, 0] + 3).exp() - 0.1
    torch.testing.assert_close(counts, day[at], atol=1e-3, rtol=1e-4)


def test_only_the_people_of_the_split_are_held_out(signal):
    for split, people in FOLDS.items():
        data = movements.load(SignalSpec(split=split, train=20, test=10), "cpu")
        held_out = data.tensors["person"][~data.is_train].unique()
        assert {PEOPLE[index] for index in held_out} == set(people)
        chosen = movements.load(
            SignalSpec(split=split, train=20, test=10, held_out="validation"), "cpu"
        )
        used = {PEOPLE[index] for index in chosen.tensors["person"].unique()}
        assert not used & set(people)
        assert len(chosen.tensors["person"][~chosen.is_train].unique()) == 2


def test_coordinates_are_the_time_of_day(signal):
    data, objective, _ = parts()
    some = torch.arange(4)
    grid = coordinate_grid(
        (movements.CROP,), window=objective.place(some), convention=Convention(alignment="edges")
    )
    # From -1 at midnight to 1 at the next one, at the middle of each step.
    steps = data.tensors["start"][some] + torch.arange(movements.CROP) + 0.5
    torch.testing.assert_close(grid[:, 0], 2 * steps / movements.DAY - 1)


@pytest.mark.parametrize("model", ["conv", "crop", "coordconv", "shuffled"])
@pytest.mark.parametrize("task", TASKS)
def test_each_kind_of_coordinates_gives_the_values_of_its_name(task, model, signal):
    data, objective, net = parts(task, model)
    some = torch.arange(8)
    before = objective.predict(net, some)
    others = torch.cat([objective.predict(net, some[:4]), objective.predict(net, some[4:])])
    # The time of another crop of the batch depends on the batch.
    assert torch.allclose(before, others, atol=1e-6) == (model != "shuffled")
    data.tensors["start"] = data.tensors["start"].roll(3, 0)
    objective.start = data.tensors["start"]
    after = objective.predict(net, some)
    assert torch.equal(before, after) == (model in ("conv", "crop"))
    outputs = objective.ask(net, some)
    assert torch.equal(outputs[:, 0], outputs[:, 1]) == (model == "conv")


@pytest.mark.parametrize("task", TASKS)
def test_scores_match_a_count_by_hand(task, signal):
    _, objective, _ = parts(task)
    objective.labels = torch.tensor([0, 1, 1])
    outputs = torch.tensor([[2.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
    scores = objective.score_one(outputs, torch.arange(3))
    assert scores["accuracy"].tolist() == [1, 0, 1]
