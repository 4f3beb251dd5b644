"""Coordinate grids: numbers derived by hand, end points, symmetry, precision and errors."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from coordconv import Convention, coordinate_grid

LENGTHS = st.integers(1, 40)
ROWS_FIRST = Convention(order="ij")


def test_the_grid_of_two_rows_and_three_columns_is_the_one_derived_by_hand():
    expected = torch.tensor(
        [[[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]], [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]]
    )
    assert_close(coordinate_grid((2, 3)), expected, rtol=0, atol=0)


def test_the_grid_of_three_rows_and_five_columns_is_the_one_derived_by_hand():
    x, y = coordinate_grid((3, 5))
    assert_close(x, torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]).expand(3, 5), rtol=0, atol=0)
    assert_close(y, torch.tensor([[-1.0], [0.0], [1.0]]).expand(3, 5), rtol=0, atol=0)


def test_channel_0_is_the_column_in_xy_and_the_row_in_ij():
    xy, ij = coordinate_grid((2, 3)), coordinate_grid((2, 3), convention=ROWS_FIRST)
    assert_close(ij[0], torch.tensor([[-1.0] * 3, [1.0] * 3]), rtol=0, atol=0)
    assert_close(ij, xy.flip(0), rtol=0, atol=0)


def test_x_grows_to_the_right_and_y_grows_downwards():
    x, y = coordinate_grid((3, 5))
    assert (x.diff(dim=1) > 0).all()
    assert (y.diff(dim=0) > 0).all()


def test_the_radius_comes_last_and_is_the_root_of_x_squared_plus_y_squared():
    far, diagonal = math.sqrt(1.25), math.sqrt(2.0)
    edge = [diagonal, far, 1.0, far, diagonal]
    expected = torch.tensor([edge, [1.0, 0.5, 0.0, 0.5, 1.0], edge])
    assert_close(coordinate_grid((3, 5), radius=True)[2], expected)


@given(LENGTHS, LENGTHS)
@settings(max_examples=20, deadline=None)
def test_non_square_grids_have_exact_end_points(height: int, width: int):
    x, y = coordinate_grid((height, width))
    expected = [-1.0, 1.0] if width > 1 else [0.0, 0.0]
    assert x[0, [0, -1]].tolist() == expected
    expected = [-1.0, 1.0] if height > 1 else [0.0, 0.0]
    assert y[[0, -1], 0].tolist() == expected


@given(LENGTHS, LENGTHS)
@settings(max_examples=20, deadline=None)
def test_a_grid_turned_by_half_a_turn_changes_only_its_sign(height: int, width: int):
    grid = coordinate_grid((height, width))
    assert_close(grid.flip(1, 2), -grid, rtol=0, atol=0)


@given(LENGTHS)
@settings(max_examples=20, deadline=None)
def test_neighbouring_pixels_are_equally_far_apart(length: int):
    (x,) = coordinate_grid((length,), dtype=torch.float64)
    steps = torch.full((length - 1,), 2.0 / max(length - 1, 1), dtype=torch.float64)
    assert_close(x.diff(), steps)


@pytest.mark.parametrize(("span", "center"), [((-1.0, 1.0), 0.0), ((0.0, 1.0), 0.5)])
@pytest.mark.parametrize("size", [(1,), (1, 1), (1, 4), (4, 1), (1, 1, 1)])
def test_an_axis_with_one_pixel_sits_at_the_center_of_the_span(size, span, center):
    grid = coordinate_grid(size, convention=Convention(order="ij", span=span))
    for axis, length in enumerate(size):
        if length == 1:
            assert_close(grid[axis], torch.full(size, center), rtol=0, atol=0)
    assert grid.isfinite().all()


@pytest.mark.parametrize("span", [(-1.0, 1.0), (0.0, 1.0), (-3.0, 5.0)])
@pytest.mark.parametrize("size", [(3,), (3, 5), (3, 5, 7)])
def test_the_radius_is_zero_at_the_center_and_only_there(size, span):
    radius = coordinate_grid(size, convention=Convention(span=span), radius=True)[-1]
    middle = tuple(n // 2 for n in size)
    assert radius[middle].item() == 0.0
    assert (radius == 0).sum().item() == 1


def test_the_radius_is_measured_in_the_unit_of_the_span():
    radius = coordinate_grid((3, 5), convention=Convention(span=(0.0, 1.0)), radius=True)[2]
    assert_close(radius, coordinate_grid((3, 5), radius=True)[2] / 2)


def test_the_span_names_the_first_and_the_last_pixel_of_every_axis():
    x, y = coordinate_grid((2, 3), convention=Convention(span=(0.0, 10.0)))
    assert_close(x, torch.tensor([[0.0, 5.0, 10.0]]).expand(2, 3), rtol=0, atol=0)
    assert_close(y, torch.tensor([[0.0], [10.0]]).expand(2, 3), rtol=0, atol=0)


def test_a_volume_has_x_y_z_from_its_last_axis_to_its_first():
    x, y, z = coordinate_grid((2, 3, 5))
    assert_close(x[0, 0], torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]), rtol=0, atol=0)
    assert_close(y[0, :, 0], torch.tensor([-1.0, 0.0, 1.0]), rtol=0, atol=0)
    assert_close(z[:, 0, 0], torch.tensor([-1.0, 1.0]), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_grids_are_computed_in_float32_and_rounded_once(dtype):
    size = (3, 1024)
    exact = coordinate_grid(size, radius=True, dtype=torch.float32)
    assert_close(coordinate_grid(size, radius=True, dtype=dtype), exact.to(dtype), rtol=0, atol=0)


def test_a_bfloat16_axis_of_1024_pixels_keeps_768_distinct_positions():
    (x,) = coordinate_grid((1024,), dtype=torch.bfloat16)
    assert x.unique().numel() == 768


def test_a_float64_grid_is_computed_in_float64():
    (x,) = coordinate_grid((4,), dtype=torch.float64)
    assert x.tolist() == [-1.0, -1 / 3, 1 / 3, 1.0]


def test_the_dtype_is_the_default_of_torch_and_the_device_the_one_asked_for():
    assert coordinate_grid((2, 3)).dtype == torch.get_default_dtype()
    assert coordinate_grid((2, 3), device="meta").device.type == "meta"


@pytest.mark.parametrize("radius", [False, True])
def test_an_empty_axis_gives_an_empty_grid(radius):
    assert coordinate_grid((0, 3), radius=radius).shape == (3 if radius else 2, 0, 3)


@pytest.mark.parametrize("size", [(), (2, -1)])
def test_a_size_without_axes_or_with_a_negative_length_is_refused(size):
    with pytest.raises(ValueError, match="at least one axis and no negative length"):
        coordinate_grid(size)


@pytest.mark.parametrize("size", [3, (2.0, 3), "ab"])
def test_a_size_that_is_not_made_of_integers_is_refused(size):
    with pytest.raises(TypeError, match="sequence of integers"):
        coordinate_grid(size)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_a_dtype_that_cannot_hold_positions_is_refused(dtype):
    with pytest.raises(TypeError, match="floating-point"):
        coordinate_grid((2, 3), dtype=dtype)
