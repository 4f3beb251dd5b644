"""Climate: maps, what is held out, and the coordinates that networks are told."""

import math

import pytest
import torch

from coordconv_lab.experiments.climate import maps
from coordconv_lab.experiments.climate.recipes import tuned
from coordconv_lab.experiments.climate.source import SOURCE
from coordconv_lab.experiments.climate.specs import ClimateSpec
from coordconv_lab.experiments.earth.specs import TOLD
from coordconv_lab.parts import data_of, network_of, objective_of

TASK = "monthly-temperature"
SPLITS = ("known", "first", "second", "third")


def parts(model: str = "coordconv", split: str = "known"):
    spec = tuned(TASK, split, model)
    data = data_of(spec)
    torch.manual_seed(0)
    return data, objective_of(spec, data), network_of(spec).eval()


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("held_out", ["test", "validation"])
def test_no_pixel_is_both_trained_on_and_scored(split, held_out):
    train, test = maps.held_out_pixels(ClimateSpec(split=split, held_out=held_out))
    assert not (train & test).any()
    assert train.any()
    assert test.any()
    if held_out == "validation":
        hidden = maps.held_out_pixels(ClimateSpec(split=split))[1]
        assert not ((train | test) & hidden).any()
    else:
        assert (train | test).all()


def test_every_sector_is_held_out_once():
    held = [maps.held_out_pixels(ClimateSpec(split=split))[1] for split in SPLITS[1:]]
    assert torch.equal(sum(one.int() for one in held), torch.ones(121, 240, dtype=torch.int32))


@pytest.mark.parametrize("split", SPLITS)
def test_crops_count_the_pixels_of_their_side(split, climate):
    data = maps.load(ClimateSpec(split=split), "cpu")
    train, test = maps.held_out_pixels(ClimateSpec(split=split))
    rows = ((torch.rad2deg(data.tensors["latitude"]) + 90) / 1.5).round().long()
    columns = ((torch.rad2deg(data.tensors["longitude"]) + 180) / 1.5).round().long()
    side = data.is_train[:, None, None]
    wanted = torch.where(side, train[rows, columns], test[rows, columns])
    assert torch.equal(data.tensors["counts"], wanted)
    assert data.tensors["counts"].any((1, 2)).all()
    wanted = 300 - torch.rad2deg(data.tensors["latitude"]).abs() / 2
    torch.testing.assert_close(data.tensors["temperature"][:, 7], wanted, atol=1e-3, rtol=0)


def test_a_crop_crosses_the_end_of_the_map(climate):
    data = maps.load(ClimateSpec(), "cpu")
    degrees = torch.rad2deg(data.tensors["longitude"])[:, 0]
    assert ((degrees[:, 0] > 150) & (degrees[:, -1] < -150)).any()


@pytest.mark.parametrize("model", TOLD)
def test_each_kind_of_coordinates_gives_the_values_of_its_name(model, climate):
    data, objective, net = parts(model)
    some = torch.arange(6)
    latitude, longitude = (data.tensors[name][:6] for name in ("latitude", "longitude"))
    told = objective.coordinates(some)
    if model in ("conv", "crop"):
        assert told is None
    elif model == "sphere":
        torch.testing.assert_close(told.square().sum(1), torch.ones(6, 16, 16))
        torch.testing.assert_close(told[:, 2], latitude.sin())
        turned = torch.atan2(told[:, 1], told[:, 0]) - longitude
        off_pole = latitude.abs() < 1.5
        torch.testing.assert_close(turned[off_pole].cos(), torch.ones(int(off_pole.sum())))
    else:
        order = some.roll(1) if model == "shuffled" else some
        wanted = longitude[order] / math.pi * (model != "latitude")
        torch.testing.assert_close(told[:, 1], latitude[order] / (math.pi / 2))
        torch.testing.assert_close(told[:, 0], wanted)
    outputs = objective.ask(net, some)
    assert outputs.shape == (6, 2, 12, 16, 16)
    assert torch.equal(outputs[:, 0], outputs[:, 1]) == (model == "conv")


def test_only_counted_pixels_change_the_loss_and_the_scores(climate):
    data, objective, net = parts()
    some = data.examples[~data.is_train][:4]
    loss, scores = (
        objective.loss(net, some),
        objective.score_one(objective.predict(net, some), some),
    )
    hidden = ~data.tensors["counts"][:, None].expand(-1, 12, -1, -1)
    data.tensors["temperature"][hidden] += 100
    assert objective.loss(net, some) == loss
    after = objective.score_one(objective.predict(net, some), some)
    assert all(torch.equal(after[name], scores[name]) for name in scores)


def test_the_scores_of_a_prediction_three_kelvin_too_warm(climate):
    data, objective, _ = parts()
    some = torch.arange(3)
    exact = (data.tensors["temperature"][some] - maps.MIDDLE) / maps.SPREAD
    scores = objective.score_one(exact + 3 / maps.SPREAD, some)
    torch.testing.assert_close(scores["rmse"], torch.full((3,), 3.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(
        scores["closeness"], torch.full((3,), math.exp(-0.3)), atol=1e-3, rtol=0
    )


@pytest.mark.skipif(SOURCE.installed != SOURCE.version, reason="itur is not installed")
def test_the_maps_have_the_correct_orientation():
    """Mean temperatures and elevations that anybody can look up."""
    earth = maps.earth()

    def at(latitude: float, longitude: float) -> tuple[int, int]:
        return round((latitude + 90) / 1.5), round((longitude + 180) / 1.5)

    row, column = at(33, 90)  # Tibet
    assert earth.elevation[row, column] > 4
    row, column = at(0, -150)  # the Pacific
    assert earth.elevation[row, column] == 0
    row, column = at(66, 130.5)  # Yakutia
    assert earth.temperature[0, row, column] < 245 < 280 < earth.temperature[6, row, column]
    row, column = at(-24, 133.5)  # Alice Springs
    assert earth.temperature[6, row, column] < earth.temperature[0, row, column]
