"""Coordinates that are carried as an image are those of the pixels after any transform."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.testing import assert_close

from coordconv import CONVENTIONS, Placement, coordinate_grid
from coordconv.integrations.coordinate_images import coordinate_image, coordinates_from_image
from coordconv.integrations.frames import Frame

FINITE = [name for name, one in CONVENTIONS.items() if one.span != "pixels"]


@pytest.mark.parametrize("size", [(7,), (5, 8), (3, 4, 5)])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_what_was_not_moved_is_read_back(convention, size):
    image = coordinate_image(size, convention=convention, dtype=torch.float64)
    carried = coordinates_from_image(image[None], convention=convention)
    expected = coordinate_grid(size, convention=convention, dtype=torch.float64)
    assert_close(carried.coordinates[0], expected)
    assert carried.inside.all()


def test_pixels_filled_with_nan_are_outside():
    image = functional.pad(coordinate_image((4, 5))[None], (2, 1, 3, 1), value=math.nan)
    zeros = functional.pad(coordinate_image((4, 5))[None], (2, 1, 3, 1))
    found, expected = coordinates_from_image(image), coordinates_from_image(zeros)
    assert torch.equal(found.coordinates, expected.coordinates)
    assert torch.equal(found.inside, expected.inside)


@pytest.mark.parametrize("convention", FINITE)
def test_bytes_hold_coordinates_to_a_part_in_two_to_the_24(convention):
    image = coordinate_image((480, 640), convention=convention, dtype=torch.uint8)
    carried = coordinates_from_image(image[None], convention=convention, dtype=torch.float64)
    expected = coordinate_grid((480, 640), convention=convention, dtype=torch.float64)
    assert_close(carried.coordinates[0], expected, rtol=0, atol=2.0**-23)


@given(
    st.floats(-40, 40, allow_subnormal=False),
    st.floats(0.7, 1.4),
    st.floats(-0.9, 2, allow_subnormal=False),
    st.integers(0, 10**6),
)
@settings(max_examples=30, deadline=None)
def test_edges_and_fill_values_are_undone(angle, scale, fill, seed):
    """At an edge, a pixel has the coordinate of its part inside, at most half a pixel away."""
    if abs(fill - 1) < 0.05:
        fill = 0.0
    size = (21, 26)
    image = coordinate_image(size, convention="pixels", dtype=torch.float64)[None]
    turn = torch.tensor(angle).double().deg2rad()
    shift = torch.randn(2, generator=torch.Generator().manual_seed(seed)).double() / 5
    linear = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()]).reshape(2, 2) * scale
    theta = torch.cat([linear, shift[:, None]], 1)
    grid = functional.affine_grid(theta[None], [1, 1, *size], align_corners=False)
    warped = functional.grid_sample(image - fill, grid, align_corners=False) + fill
    carried = coordinates_from_image(warped, convention="pixels", fill=fill)
    placement = Placement(size).affine_grid(theta.tolist())
    expected = coordinate_grid(size, convention="pixels", window=placement, dtype=torch.float64)
    errors = (carried.coordinates[0] - expected).abs() * carried.inside[0]
    assert errors.max() <= 0.5 + 1e-6
    last = torch.tensor(size).reshape(2, 1, 1) - 1
    middle = ((expected >= 0) & (expected <= last)).all(0)
    assert_close(errors * middle, torch.zeros_like(errors), rtol=0, atol=1e-6)


def test_pixels_outside_have_the_coordinates_of_the_nearest_pixel_inside():
    image = coordinate_image((4, 5))[None]
    padded = functional.pad(image, [2, 3, 1, 2])
    carried = coordinates_from_image(padded)
    expected = functional.pad(coordinate_grid((4, 5))[None], [2, 3, 1, 2], mode="replicate")
    assert_close(carried.coordinates, expected)
    assert carried.inside.sum() == 20
    empty = coordinates_from_image(torch.zeros(1, 3, 4, 5))
    assert not empty.inside.any()
    assert_close(empty.coordinates, torch.zeros(1, 2, 4, 5))


@pytest.mark.parametrize("convention", ["paper", "mkocabas", "wizaron", "affine_grid"])
def test_the_radius_is_that_of_the_grid(convention):
    image = coordinate_image((5, 8), convention=convention, dtype=torch.float64)[None]
    carried = coordinates_from_image(image, convention=convention, radius=True)
    options = {"convention": convention, "radius": True, "dtype": torch.float64}
    assert_close(carried.coordinates[0], coordinate_grid((5, 8), **options))


def test_a_part_of_an_image_has_coordinates_of_the_full_one():
    crop = Placement((9, 8)).crop((1, 2), (4, 5)).flip(-1)
    image = coordinate_image((4, 5), window=crop)
    assert_close(
        coordinates_from_image(image[None]).coordinates[0], coordinate_grid((4, 5), window=crop)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coordinates_from_image(torch.zeros(1, 4, 5, 5)), r"shape \(N, 3, \*size\)"),
        (lambda: coordinates_from_image(torch.zeros(3, 5, 5)), r"shape \(N, 2, \*size\)"),
        (lambda: coordinates_from_image(torch.zeros(1, 3, 5, 5), fill=1), "`fill` must not be"),
        (
            lambda: coordinates_from_image(torch.zeros(1, 7, 5, 5, dtype=torch.uint8), fill=255),
            "`fill` must not be",
        ),
        (
            lambda: coordinate_image((4, 5), convention="pixels", dtype=torch.uint8),
            "cannot hold the pixel indices",
        ),
        (
            lambda: coordinate_image((1, 5), window=((0, -2), (1, 5)), dtype=torch.uint8),
            "only positions inside the full image",
        ),
        (
            lambda: coordinate_image((4, 5), window=((1, 0), (4, 5)), dtype=torch.uint8),
            "only positions inside the full image",
        ),
        (
            lambda: coordinates_from_image(
                coordinate_image((4, 5), convention="pixels")[None],
                convention="pixels",
                radius=True,
            ),
            "depends on the size of the full image",
        ),
        (lambda: coordinates_from_image(coordinate_image((4, 5))[None].int()), "got torch.int32"),
        (lambda: coordinates_from_image(torch.zeros(1, 3, 2, 2), fill=math.nan), "if .* NaN, omit"),
        (lambda: coordinates_from_image(torch.zeros(1, 3, 2, 2), fill=math.inf), "must be finite"),
        (lambda: Frame(torch.eye(4), (4, 5)).placement(torch.eye(4), (4, 5, 6)), "2 axes"),
    ],
)
def test_what_cannot_be_read_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_frame_places_voxels_in_millimeters():
    affine = torch.tensor([[0, -2.0, 0, 30], [1.5, 0, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])
    frame = Frame.world(origin=(-50, -40, 0), size=(100, 80, 60))
    placement = frame.placement(affine, (10, 12, 8))
    millimeters = coordinate_grid((10, 12, 8), convention="pixels", window=placement)
    voxel = torch.tensor([4.0, 7, 2, 1])
    expected = (affine @ voxel)[:3] - torch.tensor([-50.0, -40, 0])
    assert_close(millimeters[:, 4, 7, 2], expected)
    assert placement.axes == (1, 0, 2)
    coarse = Frame.world((-50, -40, 0), (50, 40, 30), spacing=2).placement(affine, (10, 12, 8))
    halves = coordinate_grid((10, 12, 8), convention="pixels", window=coarse)
    assert_close(halves, millimeters / 2)


def shown_and_carried(transform, size, fill=0.0):
    """Move an image of its own indices with its coordinates; return what is shown and read."""
    image = coordinate_image(size, convention="pixels")
    both = torch.cat([image, coordinate_image(size, convention="affine_grid")])
    moved = transform(both)
    moved = moved if moved.dim() == len(size) + 2 else moved[None]
    channels = 1 + len(size)
    carried = coordinates_from_image(moved[:, channels:], convention="affine_grid", fill=fill)
    lengths = torch.tensor(size).reshape(-1, *[1] * len(size)).flip(0)
    read = ((carried.coordinates + 1) * lengths - 1).flip(1) / 2  # x from -1 to 1, to indices
    whole = moved[:, :1] > 1 - 1e-5
    return moved[:, 1:channels], read, whole & carried.inside


def monai_warps():
    from monai import transforms as T

    return {
        "RandGridDistortion": T.RandGridDistortion(prob=1, padding_mode="zeros"),
        "Rand3DElastic": T.Rand3DElastic((2, 3), (20, 40), prob=1, padding_mode="zeros"),
    }


def kornia_warps():
    import kornia.augmentation as K

    return {
        "RandomElasticTransform": K.RandomElasticTransform(p=1.0),
        "RandomPerspective": K.RandomPerspective(0.3, p=1.0),
        "RandomThinPlateSpline": K.RandomThinPlateSpline(p=1.0),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("package", "warps", "size"),
    [("monai", monai_warps, (20, 24, 16)), ("kornia", kornia_warps, (40, 56))],
)
def test_warps_that_no_placement_follows_carry_coordinates(package, warps, size):
    pytest.importorskip(package)
    torch.manual_seed(0)
    for name, warp in warps().items():
        shown, read, inside = shown_and_carried(
            lambda x, warp=warp: torch.as_tensor(warp(x if x.dim() > 3 else x[None])), size
        )
        assert inside.float().mean() > 0.3, name
        errors = (shown - read).abs() * inside
        assert errors.max() < 1e-3, name
        identity = coordinate_image(size, convention="pixels")[1:]
        assert ((shown - identity).abs() * inside).max() > 0.1, name  # It moved.
