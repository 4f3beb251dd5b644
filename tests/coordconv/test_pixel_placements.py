"""Positions pixel by pixel are those of a placement where there is one, and of mosaics."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coordconv import CONVENTIONS, AddCoords, CoordConv2d, Placement, coordinate_grid, positions
from coordconv.feature_maps import placement_of_feature_map
from coordconv.integrations.coordinate_images import placement_of_coordinates
from coordconv.pixel_placements import PixelPlacement

FULL = Placement((48, 64))
PLACEMENTS = {
    "crop": FULL.crop((8, 16), (16, 24)),
    "flipped": FULL.crop((8, 16), (16, 24)).flip(-1),
    "rotated": FULL.affine([[0.9, 0.3, 4.0], [-0.3, 0.9, 20.5]], (16, 24)),
    "per sample": FULL.crop(torch.tensor([[8.0, 16], [0, 32]]), (16, 24)),
}


def pixelwise(placement):
    options = {"convention": "pixels", "dtype": torch.float64}
    grid = coordinate_grid(placement.size, window=placement, **options)
    return PixelPlacement(grid, placement.full_size)


@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("name", PLACEMENTS)
def test_a_layer_sees_what_it_sees_with_the_placement(name, convention, radius):
    placement = PLACEMENTS[name]
    layer = AddCoords(radius=radius, convention=convention)
    x = torch.randn(2, 1, 16, 24, dtype=torch.float64)
    expected = layer(x, window=placement)
    assert_close(layer(x, window=pixelwise(placement)), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_coordinates_are_a_placement_again(convention):
    placement = PLACEMENTS["rotated"]
    options = {"convention": convention, "dtype": torch.float64}
    coordinates = coordinate_grid(placement.size, window=placement, **options)
    found = placement_of_coordinates(coordinates, (48, 64), convention=convention)
    assert_close(found.indices, pixelwise(placement).indices, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", PLACEMENTS)
@pytest.mark.parametrize("size", [(8, 12), (4, 6), (2, 3), (16, 12), (32, 48), (48, 24), (8, 96)])
def test_a_feature_map_is_placed_like_that_of_a_placement(name, size):
    expected = pixelwise(placement_of_feature_map(PLACEMENTS[name], size))
    found = placement_of_feature_map(pixelwise(PLACEMENTS[name]), size)
    assert found.full_size == expected.full_size
    assert_close(found.indices, expected.indices, rtol=0, atol=1e-9)


def test_a_model_on_a_mosaic_equals_the_mosaic_of_its_outputs():
    torch.manual_seed(0)
    model = nn.Sequential(
        CoordConv2d(1, 8, 1), nn.Tanh(), nn.MaxPool2d(2), CoordConv2d(8, 2, 1, radius=True)
    ).double()
    images = torch.randn(4, 1, 48, 64, dtype=torch.float64)
    corners = [(0, 0), (24, 32), (2, 30), (8, 16)]
    tiles = [FULL.crop(corner, (24, 32)) for corner in corners]
    tiles[1] = tiles[1].flip(-1)

    def mosaic(parts):
        rows = [torch.cat([*parts[:2]], -1), torch.cat([*parts[2:]], -1)]
        return torch.cat(rows, -2)

    def cut(maps, scale):
        parts = [
            one[:, top // scale :, left // scale :][:, : 24 // scale, : 32 // scale]
            for one, (top, left) in zip(maps, corners, strict=True)
        ]
        parts[1] = parts[1].flip(-1)
        return parts

    placement = PixelPlacement(mosaic([pixelwise(tile).indices for tile in tiles]), (48, 64))
    with positions(model, placement):
        found = model(mosaic(cut(images, 1))[None])
    assert_close(found[0], mosaic(cut(model(images), 2)))
    lost = model(mosaic(cut(images, 1))[None])
    assert (lost - found).abs().max() > 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PixelPlacement(torch.zeros(3, 4, 5), (4, 5)), "floating-point numbers of shape"),
        (lambda: PixelPlacement([[0.0]], (4,)), r"must be a tensor .* got list of shape \(\)"),
        (lambda: PixelPlacement(torch.zeros(1, 4), 4), "one number for each .* got 4"),
        (lambda: PixelPlacement(torch.zeros(2, 4, 5), (0, 5)), "must have positive numbers"),
        (lambda: PixelPlacement(torch.zeros(2, 4, 5), (4, math.nan)), "must have finite numbers"),
        (lambda: PixelPlacement(torch.zeros(2, 4, 5).long(), (4, 5)), "got torch.int64"),
        (lambda: PixelPlacement(torch.zeros(2, 4, 5), (4, 5)).at((3, 5)), "not divided evenly"),
        (lambda: PixelPlacement(torch.zeros(2, 4, 4), (5, 4)).at((2, 2)), "not divided evenly"),
        (lambda: placement_of_coordinates(torch.zeros(3, 4, 5), (4, 5)), "of shape"),
        (
            lambda: AddCoords()(
                torch.zeros(1, 1, 4, 6), window=PixelPlacement(torch.zeros(2, 4, 5), (4, 5))
            ),
            "`coordinates` must have shape",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    loose = PixelPlacement(torch.zeros(2, 4, 5), (4, 5)).at((3, 4), strict=False)
    assert loose.size == (3, 4)


def test_an_array_is_not_a_tensor():
    np = pytest.importorskip("numpy")
    with pytest.raises(ValueError, match=r"must be a tensor .* got float64 of shape \(2, 4, 5\)"):
        PixelPlacement(np.zeros((2, 4, 5)), (4, 5))


def test_a_model_refuses_a_feature_map_that_does_not_fit_by_the_name_of_its_layer():
    model = nn.Sequential(nn.Conv2d(1, 1, 2), CoordConv2d(1, 1, 1))
    placement = pixelwise(Placement((8, 8)))
    with (
        positions(model.double(), placement),
        pytest.raises(ValueError, match=r"layer '1' \(CoordConv2d\): the feature map"),
    ):
        model(torch.zeros(1, 1, 8, 8, dtype=torch.float64))
