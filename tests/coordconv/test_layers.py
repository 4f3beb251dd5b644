"""The modules: dtypes, memory formats, copies, pictures of every size and what they can do."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from coordconv import AddCoords, CoordConv2d, append_coordinates, coordinate_grid

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
FORMATS = [torch.contiguous_format, torch.channels_last]
MODES = ["zeros", "reflect", "replicate", "circular"]


def plain_twin(layer: CoordConv2d) -> nn.Conv2d:
    """Return the plain convolution with the data weights of the layer."""
    plain = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,  # pyright: ignore[reportArgumentType]
        padding=layer.padding,  # pyright: ignore[reportArgumentType]
        padding_mode=layer.padding_mode,
        groups=layer.groups,
        bias=layer.bias is not None,
        dtype=layer.weight.dtype,
    )
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if k != "coord_weight"})
    return plain


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("padding_mode", MODES)
def test_with_zero_coordinate_weights_the_layer_is_the_plain_convolution_bit_for_bit(
    padding_mode, groups, dtype
):
    layer = CoordConv2d(4, 6, 3, 1, 1, groups=groups, padding_mode=padding_mode, dtype=dtype)
    nn.init.zeros_(layer.coord_weight)
    x = torch.randn(2, 4, 5, 6).to(dtype)
    assert_close(layer(x), plain_twin(layer)(x), rtol=0, atol=0)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("memory_format", FORMATS, ids=str)
@pytest.mark.parametrize("shape", [(2, 3, 5, 6), (1, 3, 5, 6), (2, 1, 5, 6), (2, 3, 1, 1)])
def test_dtype_and_memory_format_are_those_of_the_plain_convolution(
    shape, memory_format, dtype, autocast
):
    layer = CoordConv2d(shape[1], 4, 3, padding=1, dtype=dtype)
    plain = plain_twin(layer)
    x = torch.empty(shape, memory_format=memory_format).normal_().to(dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        ours, theirs = layer(x), plain(x)
    assert ours.dtype == theirs.dtype
    assert ours.stride() == theirs.stride()


@pytest.mark.parametrize("cast", ["half", "bfloat16", "double"])
def test_a_model_that_is_cast_as_a_whole_still_runs(cast):
    model = nn.Sequential(AddCoords(), CoordConv2d(5, 4, 3), CoordConv2d(4, 2, 1, radius=True))
    x = torch.randn(2, 3, 5, 6)
    model, x = getattr(model, cast)(), getattr(x, cast)()
    assert model(x).dtype == x.dtype


def test_a_plain_convolution_is_translation_equivariant_inside_and_ours_is_not():
    layer = CoordConv2d(1, 2, 3, dtype=torch.float64)
    plain, x = plain_twin(layer), torch.randn(1, 1, 6, 11, dtype=torch.float64)
    moved = x.roll(2, dims=3)
    # The roll brings two columns round, and a window of 3 reads two more: compare the rest.
    assert_close(plain(moved)[..., 2:], plain(x)[..., :-2])
    difference = layer(moved)[..., 2:] - layer(x)[..., :-2]
    # Two of ten steps to the right raise x by 0.4 under every tap of the kernel.
    expected = 0.4 * layer.coord_weight[:, 0].sum(dim=(1, 2))
    assert_close(difference, expected.view(1, 2, 1, 1).expand_as(difference))
    assert expected.abs().min() > 1e-6


def test_there_is_no_cache_and_a_call_leaves_no_trace():
    layer = CoordConv2d(3, 4, 3, radius=True)
    before = set(vars(layer))
    assert list(layer.buffers()) == []
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(1, 3, 5, 6)).dtype == torch.bfloat16
    assert layer(torch.randn(1, 3, 5, 6)).dtype == torch.float32
    assert set(vars(layer)) == before
    assert list(layer.buffers()) == []


def test_the_coordinates_follow_the_size_of_each_picture():
    layer = CoordConv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.coord_weight.copy_(torch.eye(2).view(2, 2, 1, 1))
    for size in [(2, 3), (3, 5), (1, 4), (2, 3)]:
        assert_close(layer(torch.randn(1, 1, *size))[0], coordinate_grid(size))


@pytest.mark.parametrize("padding_mode", MODES)
def test_a_single_picture_without_a_batch_gives_what_a_batch_of_one_gives(padding_mode):
    layer = CoordConv2d(3, 4, 3, padding=1, padding_mode=padding_mode, radius=True)
    x = torch.randn(3, 5, 6)
    assert_close(layer(x), layer(x[None])[0])


def test_an_empty_batch_gives_an_empty_batch_and_zero_gradients():
    layer = CoordConv2d(3, 4, 3, padding=1)
    output = layer(torch.randn(0, 3, 5, 6))
    assert output.shape == (0, 4, 5, 6)
    output.sum().backward()
    assert layer.coord_weight.grad is not None
    assert_close(layer.coord_weight.grad, torch.zeros_like(layer.coord_weight), rtol=0, atol=0)


def test_copies_and_pickles_compute_the_same():
    layer = CoordConv2d(4, 6, 3, padding="same", padding_mode="circular", groups=2, radius=True)
    x = torch.randn(2, 4, 5, 6)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert_close(twin(x), layer(x), rtol=0, atol=0)
        assert repr(twin) == repr(layer)


def test_the_repr_shows_the_arguments_and_the_radius():
    layer = CoordConv2d(4, 6, 3, padding=1, groups=2, radius=True)
    arguments = "kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=2, radius=True"
    assert repr(layer) == f"CoordConv2d(4, 6, {arguments})"
    assert repr(AddCoords()) == "AddCoords(order='xy', span=(-1.0, 1.0), radius=False)"


def test_the_radius_is_keyword_only_so_that_arguments_are_those_of_a_plain_convolution():
    arguments = (4, 6, 3, 1, 0, 1, 2, True, "zeros", "cpu", torch.float64)
    assert CoordConv2d(*arguments).weight.shape == nn.Conv2d(*arguments).weight.shape
    with pytest.raises(TypeError):
        CoordConv2d(*arguments, True)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("radius", [False, True])
def test_add_coords_is_the_twin_of_append_coordinates(radius):
    x: Tensor = torch.randn(2, 3, 4, 5)
    options = {"order": "ij", "span": (0.0, 1.0), "radius": radius}
    expected = append_coordinates(x, **options)
    assert_close(AddCoords(**options)(x), expected, rtol=0, atol=0)
    assert list(AddCoords(**options).state_dict()) == []
