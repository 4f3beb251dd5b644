"""True positions for parts of a picture: crops, tiles, one window for all or one per sample."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from coordconv import (
    CONVENTIONS,
    AddCoords,
    Convention,
    CoordConv2d,
    CoordConvTranspose2d,
    Window,
    append_coordinates,
    coordinate_grid,
)
from coordconv.testing import assert_equals_concatenation

HALF_OPEN = Convention(alignment="half_open", radius="normalized")


@given(st.data(), st.sampled_from([*CONVENTIONS.values(), HALF_OPEN]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_crop_has_the_positions_of_its_pixels_in_the_full_image(data, convention, radius):
    whole = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    start = tuple(data.draw(st.integers(0, n - 1)) for n in whole)
    size = tuple(data.draw(st.integers(1, n - s)) for n, s in zip(whole, start, strict=True))
    options = {"convention": convention, "radius": radius, "dtype": torch.float64}
    crop = coordinate_grid(size, window=Window(start, whole), **options)
    place = [slice(s, s + n) for s, n in zip(start, size, strict=True)]
    assert_close(crop, coordinate_grid(whole, **options)[:, *place])


def test_a_window_outside_the_image_continues_with_the_same_spacing():
    x, y = coordinate_grid((1, 2), window=((-1, 4), (3, 5)))
    # x = 2 i / 4 - 1 for i = 4, 5; y = 2 i / 2 - 1 for i = -1.
    assert x.tolist() == [[1.0, 1.5]]
    assert y.tolist() == [[-2.0, -2.0]]


def test_starts_may_be_fractions_of_a_pixel():
    x, _ = coordinate_grid((1, 2), window=((0.0, 0.5), (3, 5)))
    assert x.tolist() == [[-0.75, -0.25]]


@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_sample_may_have_a_window_of_its_own(convention, radius):
    starts, wholes = torch.tensor([[0, 2], [1, 0], [3, 3]]), torch.tensor([[6, 7], [2, 3], [9, 9]])
    options = {"convention": convention, "radius": radius, "dtype": torch.float64}
    together = coordinate_grid((2, 3), window=(starts, wholes), **options)
    alone = [
        coordinate_grid((2, 3), window=(start.tolist(), whole.tolist()), **options)
        for start, whole in zip(starts, wholes, strict=True)
    ]
    assert_close(together, torch.stack(alone))
    one_whole = coordinate_grid((2, 3), window=(starts, (9, 9)), **options)
    assert_close(one_whole[2], alone[2])


LAYERS = {
    "pointwise": CoordConv2d(3, 4, 1, dtype=torch.float64),
    "strided": CoordConv2d(3, 4, 3, stride=2, padding=1, dtype=torch.float64),
    "radius": CoordConv2d(3, 4, 3, padding=1, radius=True, dtype=torch.float64),
    "circular": CoordConv2d(3, 4, 3, padding=1, padding_mode="circular", dtype=torch.float64),
    "transposed": CoordConvTranspose2d(3, 4, 2, stride=2, dtype=torch.float64),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
@pytest.mark.parametrize("where", ["window", "window per sample", "coordinates", "per sample"])
def test_a_layer_with_a_window_or_coordinates_equals_concatenation(layer, where):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    channels = 3 if layer.radius else 2
    options = {
        "window": {"window": ((1, 2), (9, 8))},
        "window per sample": {"window": (torch.tensor([[1, 2], [0, 5]]), (9, 8))},
        "coordinates": {"coordinates": torch.randn(channels, 4, 5)},
        "per sample": {"coordinates": torch.randn(2, channels, 4, 5)},
    }[where]
    assert_equals_concatenation(layer, x, **options)
    appended = AddCoords(radius=layer.radius)(x, **options)
    assert_close(appended, append_coordinates(x, radius=layer.radius, **options))
    assert appended.shape == (2, 3 + channels, 4, 5)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_a_window_of_the_full_image_changes_nothing(layer):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    assert_close(layer(x, window=((0, 0), (4, 5))), layer(x))


@pytest.mark.parametrize("radius", [False, True])
def test_tiles_of_an_image_give_what_the_full_image_gives_inside_them(radius):
    net = CoordConv2d(3, 4, 5, padding=2, radius=radius, dtype=torch.float64)
    picture, margin = torch.randn(1, 3, 23, 31, dtype=torch.float64), 2
    whole = net(picture)
    for top in range(0, 23 - 9, 5):
        for left in range(0, 31 - 9, 7):
            tile = net(picture[..., top : top + 9, left : left + 9], window=((top, left), (23, 31)))
            inside = whole[..., top + margin : top + 9 - margin, left + margin : left + 9 - margin]
            assert_close(tile[..., margin:-margin, margin:-margin], inside)
    lost = net(picture[..., 5:14, 7:16])[..., margin:-margin, margin:-margin]
    assert (lost - whole[..., 7:12, 9:14]).abs().max() > 0.01


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("kernel", [1, 3])
def test_the_dtype_of_a_window_does_not_touch_the_arithmetic(kernel, dtype):
    layer, x = CoordConv2d(3, 4, kernel), torch.randn(2, 3, 4, 5)
    expected = layer(x, window=((10, 200), (256, 1024)))
    start = torch.tensor([10, 200]).to(dtype)  # Each of these types holds both numbers exactly.
    assert_close(layer(x, window=(start, (256, 1024))), expected)
    assert_close(layer(x, window=(start.expand(2, 2), (256, 1024))), expected)


def test_the_radius_has_a_gradient_at_the_center():
    start = torch.zeros(2, requires_grad=True)
    coordinate_grid((3, 3), radius=True, window=(start, (3, 3))).sum().backward()
    assert start.grad is not None
    assert start.grad.isfinite().all()


@pytest.mark.parametrize(
    "window",
    [
        *[((0,), (4, 5)), ((0, 0), (4,)), (torch.zeros(2, 3), (4, 5)), (8, 64)],
        *[([[1, 2], [0, 5]], (9, 8)), (("0", "0"), (4, 5)), (torch.zeros(1, 2, 2), (4, 5))],
    ],
    ids=str,
)
def test_a_window_without_a_number_for_every_axis_is_refused(window):
    with pytest.raises(ValueError, match="one number for each of the 2 axes"):
        CoordConv2d(3, 4, 3)(torch.zeros(1, 3, 4, 5), window=window)


def test_a_window_that_is_not_a_pair_is_refused():
    with pytest.raises(ValueError, match=r"pair \(start, full_size\)"):
        coordinate_grid((2, 3), window=(0, 0, 4, 5))


@pytest.mark.parametrize("window", [3, "ab", ((0, 0), (0, 5)), ((0, 0), (4, -5))])
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_window_that_is_not_a_pair_or_in_an_empty_image_is_refused(kernel, window):
    with pytest.raises(ValueError, match="window"):
        CoordConv2d(3, 4, kernel)(torch.zeros(1, 3, 4, 5), window=window)


@pytest.mark.parametrize("shape", [(2, 4, 6), (3, 4, 5), (4, 5)])
def test_coordinates_of_another_size_are_refused(shape):
    with pytest.raises(ValueError, match=r"`coordinates` must have shape \(2, 4, 5\)"):
        CoordConv2d(3, 4, 3)(torch.zeros(1, 3, 4, 5), coordinates=torch.zeros(shape))


def test_a_window_beside_coordinates_is_refused():
    with pytest.raises(ValueError, match="not both"):
        CoordConv2d(3, 4, 3)(
            torch.zeros(1, 3, 4, 5), window=((0, 0), (4, 5)), coordinates=torch.zeros(2, 4, 5)
        )


@pytest.mark.parametrize("layer", [AddCoords(radius=True), CoordConv2d(3, 4, 1)])
@pytest.mark.parametrize("samples", [2, 9])
def test_one_row_along_an_axis_holds_for_all_samples(layer, samples):
    x, starts = torch.randn(samples, 3, 4, 5), torch.arange(samples)
    found = layer(x, window=((torch.tensor([2]), starts), (16, 16)))
    assert_close(found, layer(x, window=((2, starts), (16, 16))))


@pytest.mark.parametrize(
    "window",
    [
        ((torch.zeros(2), torch.zeros(3)), (9, 9)),
        ((torch.zeros(2), 0), (torch.full((3,), 9), 9)),
        (torch.zeros(3, 2), torch.full((2, 2), 9)),
    ],
)
def test_windows_with_different_numbers_of_rows_are_refused(window):
    with pytest.raises(ValueError, match="one row per sample, got tensors with 2 and 3 rows"):
        coordinate_grid((4, 5), window=window)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
def test_rows_for_another_number_of_samples_are_refused(kernel, batch):
    layer, x = CoordConv2d(3, 4, kernel), torch.zeros(batch, 3, 4, 5)
    with pytest.raises(ValueError, match=f"rows for 3 samples, but x of shape .* has {batch}"):
        layer(x, window=(torch.zeros(3, 2), (4, 5)))
    with pytest.raises(ValueError, match=f"rows for 3 samples, but x of shape .* has {batch}"):
        append_coordinates(x, coordinates=torch.zeros(3, 2, 4, 5))
