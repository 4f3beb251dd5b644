"""The pure functions: what is appended, what is kept, what the margins hold."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from coordconv import (
    AddCoords,
    Convention,
    CoordConv2d,
    CoordConvTranspose2d,
    append_coordinates,
    coord_conv,
    coord_conv_transpose,
    coordinate_grid,
)
from coordconv.operations import PaddingMode

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(0, 3), st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_data_come_first_and_every_sample_gets_the_same_coordinates(size, batch, radius):
    x = torch.randn(batch, 2, *size)
    result = append_coordinates(x, radius=radius)
    assert_close(result[:, :2], x, rtol=0, atol=0)
    for sample in result:
        assert_close(sample[2:], coordinate_grid(size, radius=radius), rtol=0, atol=0)


def test_order_and_span_reach_the_appended_coordinates():
    convention = Convention(order="ij", span=(0.0, 4.0))
    appended = append_coordinates(torch.zeros(1, 1, 2, 3), convention=convention)[0, 1:]
    rows = torch.tensor([[0.0] * 3, [4.0] * 3])
    columns = torch.tensor([[0.0, 2.0, 4.0]] * 2)
    assert_close(appended, torch.stack([rows, columns]), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_appended_coordinates_have_the_dtype_of_the_data(dtype):
    assert append_coordinates(torch.zeros(1, 1, 2, 3, dtype=dtype)).dtype == dtype


def test_appended_coordinates_live_on_the_device_of_the_data():
    result = append_coordinates(torch.zeros(4, 1, 2, 3, device="meta"))
    assert result.device.type == "meta"
    assert result.shape == (4, 3, 2, 3)


@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_appending_keeps_the_memory_format(memory_format, batch, channels, radius):
    x = torch.empty(batch, channels, 2, 3, memory_format=memory_format)
    result = append_coordinates(x, radius=radius)
    expected = torch.empty(result.shape, memory_format=memory_format)
    assert result.stride() == expected.stride()


def test_appending_keeps_the_memory_format_of_volumes_and_of_crops():
    volume = torch.empty(1, 2, 2, 3, 5, memory_format=torch.channels_last_3d)
    assert append_coordinates(volume).is_contiguous(memory_format=torch.channels_last_3d)
    crop = torch.empty(2, 3, 6, 7, memory_format=torch.channels_last)[:, :, 1:3, 1:4]
    assert append_coordinates(crop).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_integer_images_give_a_clear_error_and_not_zero_coordinates(dtype):
    images = torch.ones(1, 3, 2, 3, dtype=dtype)
    with pytest.raises(TypeError, match="convert the images first"):
        append_coordinates(images)
    with pytest.raises(TypeError, match="convert the images first"):
        coord_conv(images, torch.ones(1, 3, 1, 1), torch.ones(1, 2, 1, 1))


def test_non_tensors_and_complex_numbers_are_refused_with_a_clear_error():
    weights = torch.ones(1, 3, 1, 1), torch.ones(1, 2, 1, 1)
    for call in (append_coordinates, lambda x: coord_conv(x, *weights)):
        for kind, x in (("tuple", (17, 23)), ("NoneType", None), ("list", [[[[1.0]]]])):
            with pytest.raises(TypeError, match=f"must be a tensor, got {kind}"):
                call(x)
        with pytest.raises(TypeError, match=r"torch\.view_as_real"):
            call(torch.ones(1, 3, 2, 3, dtype=torch.complex64))


def test_data_without_a_spatial_axis_are_refused():
    with pytest.raises(ValueError, match=r"\(N, C, \*size\).*\(2, 3\)"):
        append_coordinates(torch.zeros(2, 3))


def sum_of_x_in_every_window(padding_mode: PaddingMode) -> list[list[float]]:
    """Sum the x coordinate of a 2 x 3 picture over a 3 x 3 window around every pixel."""
    kernel = torch.stack([torch.ones(3, 3), torch.zeros(3, 3)])[None]
    x, weight = torch.zeros(1, 1, 2, 3), torch.zeros(1, 1, 3, 3)
    result = coord_conv(x, weight, kernel, padding=1, padding_mode=padding_mode)
    return result[0, 0].tolist()


@pytest.mark.parametrize(
    ("padding_mode", "row"),
    [
        # On 2 x 3, x is (-1, 0, 1). With zeros two rows count and the margins add nothing.
        ("zeros", [2 * (-1 + 0), 0.0, 2 * (0 + 1)]),
        # All others count three rows. Left of the first pixel is:
        ("replicate", [3 * (-1 - 1 + 0), 0.0, 3 * (0 + 1 + 1)]),  # the first pixel, -1
        ("reflect", [3 * (0 - 1 + 0), 0.0, 3 * (0 + 1 + 0)]),  # the second pixel, 0
        ("circular", [3 * (1 - 1 + 0), 0.0, 3 * (0 + 1 - 1)]),  # the last pixel, 1
    ],
)
def test_the_coordinates_are_padded_in_the_same_way_as_the_data(padding_mode, row):
    assert sum_of_x_in_every_window(padding_mode) == [row, row]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_an_even_kernel_with_same_padding_has_its_extra_pixel_after_the_picture():
    zeros, ones = torch.zeros(1, 1, 2, 3), torch.ones(1, 1, 1, 2)
    column = torch.tensor([[[[1.0, 1.0]], [[0.0, 0.0]]]])
    modes: list[tuple[PaddingMode, float]] = [("zeros", 1.0), ("replicate", 2.0), ("circular", 0.0)]
    for padding_mode, last in modes:
        result = coord_conv(zeros, ones, column, padding="same", padding_mode=padding_mode)
        assert result[0, 0].tolist() == [[-1.0, 1.0, last]] * 2


def test_x_y_and_radius_meet_their_own_weights():
    weights = torch.tensor([100.0, 10.0, 1.0]).view(1, 3, 1, 1)
    result = coord_conv(
        torch.zeros(1, 1, 3, 5), torch.zeros(1, 1, 1, 1), weights, torch.ones(1), radius=True
    )
    # Row 2 of 3 has y = 0; x is (-1, -0.5, 0, 0.5, 1) and r its magnitude; the bias adds 1.
    assert_close(result[0, 0, 1], torch.tensor([-98.0, -48.5, 1.0, 51.5, 102.0]))


def test_every_group_sees_every_coordinate():
    x, weight = torch.randn(2, 4, 2, 3), torch.zeros(6, 2, 1, 1)
    coord_weight = torch.eye(2).repeat(3, 1).view(6, 2, 1, 1)
    result = coord_conv(x, weight, coord_weight, groups=2)
    assert_close(result, coordinate_grid((2, 3)).repeat(3, 1, 1).expand(2, 6, 2, 3))


@pytest.mark.parametrize("method", ["auto", "separate", "concatenate"])
@pytest.mark.parametrize("name", ["stride", "padding", "dilation"])
@pytest.mark.parametrize("function", [coord_conv, coord_conv_transpose])
def test_an_option_may_be_any_form_of_an_integer(function, name, method):
    np = pytest.importorskip("numpy")
    x, weight = torch.randn(2, 3, 8, 9), torch.randn(3, 3, 3, 3)
    coord_weight = torch.randn(*((3, 2) if function is coord_conv else (2, 3)), 3, 3)
    expected = function(x, weight, coord_weight, method=method, **{name: 2})
    for form in (np.int64(2), [2], [2, 2], (np.int64(2), 2), torch.Size([2, 2])):
        output = function(x, weight, coord_weight, method=method, **{name: form})
        assert_close(output, expected, rtol=0, atol=0)


def test_the_number_of_groups_is_any_form_of_an_integer_but_no_boolean():
    np = pytest.importorskip("numpy")
    x = torch.randn(2, 4, 5, 6)
    assert torch.equal(append_coordinates(x, groups=np.int64(2)), append_coordinates(x, groups=2))
    for wrong in (True, 2.0, "2", 3, 0, np.int64(3)):
        with pytest.raises(ValueError, match=f"the 4 channels, got {re.escape(repr(wrong))}"):
            append_coordinates(x, groups=wrong)


def test_a_transposed_layer_sees_the_coordinates_of_its_input_pixels():
    zeros, twice = torch.zeros(1, 1, 1, 3), torch.zeros(1, 1, 1, 2)
    # On 1 x 3, x is (-1, 0, 1); every pixel becomes two, weighted by 1 and 10.
    weights = torch.tensor([[[[1.0, 10.0]]], [[[0.0, 0.0]]]])
    result = coord_conv_transpose(zeros, twice, weights, stride=(1, 2))
    assert result.tolist() == [[[[-1.0, -10.0, 0.0, 0.0, 1.0, 10.0]]]]
    # Padding 1 cuts one pixel from each side, the output padding adds one at the end.
    cut = coord_conv_transpose(
        zeros, twice, weights, stride=(1, 2), padding=(0, 1), output_padding=(0, 1)
    )
    assert cut.tolist() == [[[[-10.0, 0.0, 0.0, 1.0, 10.0]]]]


@pytest.mark.parametrize("radius", [False, True])
def test_the_wrong_number_of_coordinate_weights_is_refused(radius):
    wrong = torch.ones(1, 2 if radius else 3, 1, 1)
    with pytest.raises(ValueError, match=f"radius={radius}"):
        coord_conv(torch.ones(1, 1, 2, 3), torch.ones(1, 1, 1, 1), wrong, radius=radius)


def test_an_unknown_padding_or_padding_mode_is_refused():
    x, weight, coord_weight = torch.ones(1, 1, 2, 3), torch.ones(1, 1, 1, 1), torch.ones(1, 2, 1, 1)
    with pytest.raises(ValueError, match=r"spatial axes .* got shape \(1, 1\)"):
        coord_conv(x, weight[0, 0], coord_weight)
    with pytest.raises(ValueError, match=r"a kernel of at most \(1, 1\)"):
        coord_conv(x, weight, torch.ones(1, 2, 3, 3))
    with pytest.raises(ValueError, match="`padding_mode` must be"):
        coord_conv(x, weight, coord_weight, padding_mode="constant")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`padding` must be"):
        coord_conv(x, weight, coord_weight, padding="full", padding_mode="reflect")


@pytest.mark.parametrize("method", ["auto", "separate", "concatenate"])
def test_weights_and_data_that_do_not_belong_together_are_refused(method):
    x, weight = torch.zeros(2, 6, 4, 5), torch.zeros(4, 1, 1, 1)
    good = torch.ones(4, 2, 1, 1)
    with pytest.raises(ValueError, match=r"`x` must have shape \(N, 4, \*size\)"):
        coord_conv(x, weight, good, groups=4, method=method)
    with pytest.raises(ValueError, match=r"`x` must have shape \(N, 4, \*size\)"):
        coord_conv(x[:, :4, 0, 0], weight, good, groups=4, method=method)
    for outputs in (1, 3):
        with pytest.raises(ValueError, match="4 outputs and 2 coordinate channels"):
            coord_conv(x[:, :4], weight, good[:1].repeat(outputs, 1, 1, 1), groups=4, method=method)
        wrong = torch.ones(2, outputs, 1, 1)
        with pytest.raises(ValueError, match="4 outputs and 2 coordinate channels"):
            coord_conv_transpose(x[:, :4], weight, wrong, groups=4, method=method)


@pytest.mark.parametrize("radius", ["off_center", 1, None])
def test_a_radius_that_is_neither_true_nor_false_is_refused(radius):
    with pytest.raises(TypeError, match="set it in the convention"):
        coordinate_grid((2, 3), radius=radius)
    with pytest.raises(TypeError, match="set it in the convention"):
        append_coordinates(torch.zeros(1, 1, 2, 3), radius=radius)
    for layer in (AddCoords, lambda radius: CoordConv2d(1, 1, 1, radius=radius)):
        with pytest.raises(TypeError, match="set it in the convention"):
            layer(radius=radius)


@pytest.mark.parametrize("method", ["separate", "concatenate"])
def test_a_transposed_padding_larger_than_the_kernel_crops_as_the_plain_layer_does(method):
    options = {"stride": 5, "padding": 2, "output_padding": 4}
    x, weight = torch.ones(1, 1, 1), torch.ones(1, 1, 1)
    plain = torch.nn.functional.conv_transpose1d(x, weight, **options)
    assert coord_conv_transpose(x, weight, weight, **options, method=method).shape == plain.shape


@pytest.mark.parametrize("size", [(7,), (5, 7), (1, 1), (3, 4, 5)])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("convention", ["paper", "wizaron"])
def test_appending_without_gradients_gives_the_same_tensor(size, channels_last, convention):
    x = torch.randn(2, 3, *size)
    if channels_last:
        x = x.movedim(1, -1).contiguous().movedim(-1, 1)
    with torch.no_grad():
        output = append_coordinates(x, convention=convention)
    expected = append_coordinates(x.clone().requires_grad_(), convention=convention)
    assert torch.equal(output, expected)
    assert output.stride() == expected.stride()
    assert not output._is_view()  # A view could not be changed in place.
    output.mul_(torch.nn.Parameter(torch.ones(1)))


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("method", ["auto", "separate", "concatenate"])
def test_a_gradient_does_not_depend_on_later_changes_of_given_coordinates(
    kernel, batch, is_shared, method
):
    """As a loader does that fills the same buffer again. The gradient is right or refused."""
    x = torch.randn(batch, 3, 6, 6)
    weight, coord_weight = torch.randn(4, 3, kernel, kernel), torch.randn(4, 2, kernel, kernel)
    coord_weight.requires_grad_()
    given_coordinates = torch.randn((2, 6, 6) if is_shared else (batch, 2, 6, 6))

    def gradient(changes: bool) -> torch.Tensor:
        buffer = given_coordinates.clone()
        y = coord_conv(x, weight, coord_weight, coordinates=buffer, method=method)
        if changes:
            buffer.mul_(5)
        return torch.autograd.grad(y.sum(), coord_weight)[0]

    expected = gradient(changes=False)
    if method == "concatenate":
        assert_close(gradient(changes=True), expected)
    else:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            gradient(changes=True)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("method", ["auto", "separate", "concatenate"])
def test_a_layer_without_data_channels_convolves_the_coordinates(kernel, outputs, radius, method):
    layer = CoordConv2d(0, outputs, kernel, radius=radius, method=method)
    grid = coordinate_grid((7, 5), radius=radius).expand(2, -1, -1, -1)
    expected = torch.nn.functional.conv2d(grid, layer.coord_weight, layer.bias)
    assert_close(layer(torch.randn(2, 0, 7, 5)), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", [CoordConv2d, CoordConvTranspose2d])
def test_every_method_accepts_coordinate_weights_of_another_type_than_the_weight(kind, dtype):
    """As after loading a checkpoint of a plain layer with ``assign=True``."""
    layer = kind(3, 4, 3)
    plain = {name: one.to(dtype) for name, one in layer.state_dict().items()}
    del plain["coord_weight"]
    layer.load_state_dict(plain, strict=False, assign=True)
    x = torch.randn(2, 3, 5, 6, dtype=dtype)
    outputs = []
    for layer.method in ("separate", "concatenate"):
        outputs.append(layer(x))
        assert outputs[-1].dtype == dtype
    assert_close(outputs[1], outputs[0], rtol=0.02, atol=0.02)


@pytest.mark.parametrize("coord_kernel_size", [3, 1])
@pytest.mark.parametrize("kind", [CoordConv2d, CoordConvTranspose2d])
def test_every_method_has_the_memory_format_that_the_weight_determines(kind, coord_kernel_size):
    layer = kind(4, 6, 3, coord_kernel_size=coord_kernel_size).to(memory_format=torch.channels_last)
    for layer.method in ("separate", "concatenate"):
        output = layer(torch.randn(2, 4, 5, 7))
        assert output.is_contiguous(memory_format=torch.channels_last), layer.method
