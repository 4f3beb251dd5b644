"""Volume: deformations, heads, crops and what networks are told of their place."""

import math

import pytest
import torch

from coordconv import Convention, coordinate_grid
from coordconv_lab.experiments.volume import deformations, heads
from coordconv_lab.experiments.volume.recipes import tuned
from coordconv_lab.experiments.volume.source import SOURCE
from coordconv_lab.experiments.volume.specs import VolumeSpec
from coordconv_lab.nifti import volume_of
from coordconv_lab.parts import data_of, network_of, objective_of
from coordconv_lab.recipes import with_settings

TASKS = ("volume-side", "volume-tissue")
SIZES = {"train": 9, "test": 6}
SMALL = {f"data.{name}": size for name, size in SIZES.items()}


def radius_at(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """The distance from the middle, of heads that are longer than wide and wider than high."""
    return (x**2 + (y / 1.1) ** 2 + (z / 0.8) ** 2).sqrt()


@pytest.fixture(scope="module")
def volume():
    """Ten heads of gray matter up to a radius of 60 mm, with white matter inside of 40 mm."""
    at = (torch.arange(36) - 17.5) * 4
    radius = radius_at(*torch.meshgrid(at, at, at, indexing="ij"))
    brain, white = (radius < 60).float(), (radius < 40).float()
    channels = torch.stack([0.6 * brain + 0.3 * white, brain - white, white])
    fine = channels.repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "template", lambda: heads.Template(fine, (0.0, 0.0, 0.0)))
        for name, count in (("TRAIN", 6), ("HELD_OUT", 4), ("_VALIDATION", 2)):
            patch.setattr(heads, name, count)
        heads.load.cache_clear()
        yield
    heads.load.cache_clear()


@pytest.fixture
def undeformed(monkeypatch):
    """Heads that are the template itself."""
    for name in ("DEGREES", "SCALE", "SHIFT", "BEND"):
        monkeypatch.setattr(deformations, name, 0.0)


def places() -> torch.Tensor:
    axis = torch.linspace(-100, 100, 9)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def parts(task: str = "volume-side", model: str = "coordconv"):
    spec = with_settings(tuned(task, "aligned", model), SMALL)
    data = data_of(spec)
    torch.manual_seed(0)
    return data, objective_of(spec, data), network_of(spec).eval()


def test_an_undeformed_head_is_the_template(undeformed):
    same = deformations.deformed(places(), generator(), moved=False)
    torch.testing.assert_close(same, places())


def test_a_moved_head_has_the_same_shape_20_to_40_mm_away(undeformed):
    change = places() - deformations.deformed(places(), generator(), moved=True)
    assert torch.allclose(change, change[0, 0, 0].expand_as(change), atol=1e-4)
    assert 20 <= change[0, 0, 0].norm() <= 40


def test_a_moved_head_is_the_aligned_head_at_another_position(monkeypatch):
    monkeypatch.setattr(deformations, "BEND", 0.0)
    aligned, moved = (
        deformations.deformed(places(), generator(), moved=is_moved) for is_moved in (False, True)
    )
    steps = [one[1:] - one[:-1] for one in (aligned, moved)]
    torch.testing.assert_close(*steps, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(aligned, moved, atol=1)


def test_a_rotation_about_z_maps_x_to_y():
    turn = deformations._rotation(torch.tensor([0.0, 0.0, math.pi / 2]))
    torch.testing.assert_close(turn @ torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0]))
    turn = deformations._rotation(torch.rand(3))
    torch.testing.assert_close(turn @ turn.T, torch.eye(3))


def test_a_displacement_interpolates_its_points():
    knots = torch.randn(3, 5, 5, 5)
    smooth = deformations._smooth(knots, torch.Size((9, 13, 17)))
    torch.testing.assert_close(smooth[::2, ::3, ::4], knots.movedim(0, -1), atol=1e-4, rtol=1e-4)


def test_sides_and_tissues_match_the_template(volume, undeformed):
    head = heads.head_of(0, 0, moved=False)
    at = (torch.arange(heads.WORLD) - 31.5) * 4
    x, y, z = torch.meshgrid(at, at, at, indexing="ij")
    radius = radius_at(x, y, z)
    assert torch.equal(head.side, (x > 0).long())
    assert head.brain[radius < 55].all()
    assert not head.brain[radius > 65].any()
    assert (head.tissue[radius < 35] == 1).all()
    assert (head.tissue[(radius > 45) & (radius < 55)] == 0).all()
    assert (head.tissue[radius > 65] == 2).all()


def test_a_crop_contains_the_voxels_at_its_start(volume):
    data, _, _ = parts()
    x, y, z = data.tensors["start"][4].tolist()
    image = data.images[data.tensors["head"][4]]
    assert torch.equal(data.cut(torch.tensor([4]))[0, 0], image[x : x + 8, y : y + 8, z : z + 8])


def test_labels_are_those_of_the_center_voxel(volume):
    data, _, _ = parts()
    for example in (0, 20, 70):
        head = heads.head_of(int(data.tensors["head"][example]), 0, moved=False)
        middle = tuple((data.tensors["start"][example] + 4).tolist())
        assert head.brain[middle]
        assert data.tensors["side"][example] == head.side[middle]
        assert data.tensors["tissue"][example] == head.tissue[middle]


@pytest.mark.parametrize("split", ["aligned", "moved"])
def test_held_out_heads_are_never_trained_on(split, volume):
    data = heads.load(VolumeSpec(split=split, **SIZES), "cpu")
    held_out = set(data.tensors["head"][~data.is_train].tolist())
    assert held_out == set(range(6, 10))
    assert set(data.tensors["head"][data.is_train].tolist()) == set(range(6))
    chosen = heads.load(VolumeSpec(split=split, held_out="validation", **SIZES), "cpu")
    assert not held_out & set(chosen.tensors["head"].tolist())
    assert set(chosen.tensors["head"][~chosen.is_train].tolist()) == set(range(4, 6))


def test_only_held_out_heads_are_moved(volume):
    aligned, moved = (
        heads.load(VolumeSpec(split=split, **SIZES), "cpu") for split in ("aligned", "moved")
    )
    same = (aligned.images == moved.images).flatten(1).all(1)
    assert same[:6].all()
    assert not same[6:10].any()


def test_coordinates_are_millimeters_in_the_scanner(volume):
    data, objective, _ = parts()
    some = torch.arange(4)
    grid = coordinate_grid(
        (8, 8, 8), window=objective.place(some), convention=Convention(alignment="edges")
    )
    millimeters = (data.tensors["start"][some, 0] + 3 - 31.5) * 4
    # The last coordinate is that of the first axis, which points to the right.
    torch.testing.assert_close(grid[:, 2, 3, 0, 0] * 128, millimeters)


@pytest.mark.parametrize("model", ["conv", "crop", "coordconv", "shuffled"])
@pytest.mark.parametrize("task", TASKS)
def test_each_kind_of_coordinates_gives_the_values_of_its_name(task, model, volume):
    _, objective, net = parts(task, model)
    some = torch.arange(6)
    outputs = objective.ask(net, some)
    assert outputs.shape == (6, 2, heads.CLASSES)
    assert torch.equal(outputs[:, 0], outputs[:, 1]) == (model == "conv")
    crops = objective.inputs(some)
    objective.start = objective.start.roll(1, 0)
    moved = objective.call(net, crops, objective.place(some))
    assert torch.equal(moved, outputs[:, 0]) == (model in ("conv", "crop"))


@pytest.mark.skipif(SOURCE.installed != SOURCE.version, reason="nilearn is not installed")
def test_the_template_is_symmetric():
    for name in SOURCE.files:
        voxels, first = volume_of(SOURCE.read(name))
        assert (voxels == voxels[::-1]).all()
        assert first[0] == -(len(voxels) - 1) / 2
