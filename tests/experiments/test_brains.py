"""Brains: volumes, patches and what networks are told of their place."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from coordconv_lab.experiments.brains import patches
from coordconv_lab.experiments.brains.recipes import settings
from coordconv_lab.experiments.brains.source import FOLDS, PEOPLE
from coordconv_lab.experiments.brains.specs import BrainsSpec
from coordconv_lab.experiments.brains.volumes import brain_of
from coordconv_lab.parts import data_of, network_of, objective_of
from coordconv_lab.recipes import with_settings
from tests.experiments.conftest import nifti

SMALL = {"data.train": 20, "data.test": 12}


def small(model: str = "coordconv", mirror: str = "no"):
    return with_settings(settings("first", model, mirror=mirror), SMALL)


def parts(spec):
    data = data_of(spec)
    torch.manual_seed(0)
    return data, objective_of(spec, data), network_of(spec).eval()


def test_every_person_is_held_out_once():
    assert sorted(person for fold in FOLDS.values() for person in fold) == sorted(PEOPLE)


def test_a_volume_is_the_same_in_any_order_of_its_axes():
    labels = np.random.default_rng(0).integers(0, 83, (12, 16, 20))
    plain = brain_of(nifti(labels, np.array([[1, 0, 0, -5], [0, 1, 0, -6], [0, 0, 1, -7]])))
    # The file counts z first and from the top, then x from the right, then y.
    turned = labels.transpose(2, 0, 1)[::-1, ::-1]
    affine = np.array([[0, -1, 0, -5 + 11], [0, 0, 1, -6], [-1, 0, 0, -7 + 19]])
    other = brain_of(nifti(turned, affine))
    assert torch.equal(plain.labels, other.labels)
    assert torch.equal(plain.silhouette, other.silhouette)
    assert plain.first == other.first == (-5.5, -6.5, -7.5)
    assert plain.labels[1, 2, 3] == labels[6, 10, 14]
    assert plain.silhouette[0, 0, 0].item() == pytest.approx((labels[:4, :4, :4] > 0).mean())


def test_a_patch_contains_the_voxels_at_its_start(brains):
    """The stand-in brains are full from -36 to 36 mm along x: 4 mm from the left of the world."""
    data = patches.load(BrainsSpec(train=20, test=12), "cpu")
    cut, start = data.cut(data.examples)[:, 0], data.tensors["start"]
    at = (start[:, :1] + torch.arange(12) + 0.5 - 32) * 4  # centers of voxels in mm
    inside = cut.amax((2, 3)) > 0
    assert torch.equal(inside, at.abs() < 36)
    is_right = at[:, 6] > 0  # the voxel that the patch is around
    assert torch.equal(is_right, data.tensors["label"] == 41)


def test_only_the_people_of_the_split_are_held_out(brains):
    for split, people in FOLDS.items():
        data = patches.load(BrainsSpec(split=split, train=20, test=12), "cpu")
        held_out = data.tensors["person"][~data.is_train].unique()
        assert {PEOPLE[index] for index in held_out} == set(people)
        assert len(data.examples) == 4 * 20 + 2 * 12
        chosen = patches.load(
            BrainsSpec(split=split, train=20, test=12, held_out="validation"), "cpu"
        )
        used = {PEOPLE[index] for index in chosen.tensors["person"].unique()}
        assert not used & set(people)
        assert len(chosen.tensors["person"][~chosen.is_train].unique()) == 2


def test_carried_coordinates_are_mirrored_with_the_pixels(brains):
    some = torch.arange(5)
    _, objective, _ = parts(small(mirror="carried"))
    usual, carried = objective.place(some), objective.mirrored_place(some)
    size = (64, 64, 64)
    grids = [place_grid(place, size) for place in (usual, carried)]
    torch.testing.assert_close(grids[1], grids[0].flip(-3))


def test_stale_coordinates_are_the_position_in_the_mirrored_brain(brains):
    some = torch.arange(5)
    _, objective, _ = parts(small(mirror="stale"))
    usual, stale = objective.place(some), objective.mirrored_place(some)
    before, after = (place_grid(place, (64, 64, 64)) for place in (usual, stale))
    torch.testing.assert_close(after[:, 2], -before[:, 2].flip(-3))
    torch.testing.assert_close(after[:, :2], before[:, :2])


def place_grid(place, size):
    from coordconv import Convention, coordinate_grid

    return coordinate_grid((12, 12, 12), window=place, convention=Convention(alignment="edges"))


def test_each_kind_of_coordinates_gives_the_values_of_its_name(brains):
    """A network is only told what its name says."""
    some = torch.arange(6)
    for model, changes in (("conv", False), ("patch", False), ("coordconv", True)):
        data, objective, net = parts(small(model))
        before = objective.predict(net, some)
        data.tensors["start"] += 1.0
        assert torch.equal(objective.predict(net, some), before) != changes, model
    data, objective, net = parts(small("shuffled"))
    _, true, _ = parts(small("coordconv"))
    place, other = objective.place(some), true.place(some.roll(1))
    torch.testing.assert_close(place_grid(place, None), place_grid(other, None))


def test_the_coordinates_of_a_patch_are_in_millimeters(brains):
    data, objective, _ = parts(small())
    grid = place_grid(objective.place(torch.arange(3)), None)
    wanted = (data.tensors["start"][:3, 0] + 0.5 - 32) / 32
    torch.testing.assert_close(grid[:, 2, 0, 0, 0], wanted)


def test_scores_match_a_count_by_hand(brains):
    _, objective, _ = parts(small())
    some = torch.arange(4)
    objective.labels = torch.tensor([0, 0, 41, 81])
    outputs = torch.nn.functional.one_hot(torch.tensor([0, 40, 40, 41]), 82).float()
    scores = objective.score_one(outputs, some)
    assert scores["side"].tolist() == [1, 1, 0, 1]
    assert scores["region_and_side"].tolist() == [1, 0, 0, 0]


def test_mirroring_coordinates_that_are_not_seen_is_refused():
    with pytest.raises(ValidationError, match="needs a network that sees"):
        settings("first", "conv", mirror="carried")
