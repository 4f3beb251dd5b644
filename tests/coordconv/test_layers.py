"""The modules of every rank: dtypes, memory formats, copies, sizes and what they can do."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import coordconv
from coordconv import (
    CONVENTIONS,
    AddCoords,
    CoordConv2d,
    append_coordinates,
    coordinate_grid,
    decompose,
)

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
MODES = ["zeros", "reflect", "replicate", "circular"]
LAYERS = [f"CoordConv{kind}{rank}d" for kind in ("", "Transpose") for rank in (1, 2, 3)]
FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


def plain_twin(layer) -> nn.Module:
    """Return the plain layer with the data weights of the layer."""
    plain = getattr(nn, type(layer).__name__.removeprefix("Coord"))(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        groups=layer.groups,
        bias=layer.bias is not None,
        padding_mode=layer.padding_mode,
        dtype=layer.weight.dtype,
    )
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if k != "coord_weight"})
    return plain


def picture(name: str, batch: int = 2, channels: int = 4) -> Tensor:
    """Return a batch for a layer of this name."""
    return torch.randn(batch, channels, *(5, 6, 4)[: int(name[-2])])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("name", LAYERS)
def test_with_zero_coordinate_weights_the_layer_is_the_plain_layer_bit_for_bit(
    name, kernel, groups, dtype
):
    padding_modes = ["zeros"] if "Transpose" in name else MODES
    for padding_mode in padding_modes:
        for outputs in (6, 64):  # Many outputs of few inputs may be computed by concatenation.
            layer = getattr(coordconv, name)(
                4, outputs, kernel, 1, kernel // 2, groups=groups, padding_mode=padding_mode
            ).to(dtype)
            nn.init.zeros_(layer.coord_weight)
            x = picture(name).to(dtype)
            assert_close(layer(x), plain_twin(layer)(x), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
def test_the_few_inputs_that_are_concatenated_give_the_bits_of_the_plain_layer_too(
    channels, rank, dtype
):
    layer = getattr(coordconv, f"CoordConv{rank}d")(channels, 16 * channels, 1, dtype=dtype)
    nn.init.zeros_(layer.coord_weight)
    x = picture(f"CoordConv{rank}d", batch=3, channels=channels).to(dtype)
    assert_close(layer(x), plain_twin(layer)(x), rtol=0, atol=0)
    if rank > 1:
        layer, x = layer.to(memory_format=FORMATS[rank]), x.to(memory_format=FORMATS[rank])
        plain = plain_twin(layer).to(memory_format=FORMATS[rank])
        assert_close(layer(x), plain(x), rtol=0, atol=0)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("size", [(5, 6), (1, 1)])
@pytest.mark.parametrize(("batch", "channels"), [(2, 3), (1, 3), (2, 1)])
@pytest.mark.parametrize("name", LAYERS)
def test_dtype_and_memory_format_are_those_of_the_plain_layer(
    name, batch, channels, size, last, dtype, autocast
):
    rank = int(name[-2])
    size = (*size, size[-1])[:rank]
    memory_format = FORMATS.get(rank, torch.contiguous_format) if last else torch.contiguous_format
    x = torch.empty((batch, channels, *size), memory_format=memory_format).normal_().to(dtype)
    for method in ("separate", "concatenate"):
        layer = getattr(coordconv, name)(channels, 4, 3, padding=1, dtype=dtype, method=method)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            ours, theirs = layer(x), plain_twin(layer)(x)
        assert ours.dtype == theirs.dtype
        # The stride of an axis of length 1 means nothing.
        assert ours.squeeze().stride() == theirs.squeeze().stride()


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


@pytest.mark.parametrize("name", LAYERS)
def test_a_call_leaves_no_trace_in_the_layer(name):
    layer = getattr(coordconv, name)(4, 4, 3, radius=True)
    before = set(vars(layer))
    assert list(layer.buffers()) == []
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(picture(name)).dtype == torch.bfloat16
    assert layer(picture(name)).dtype == torch.float32
    assert set(vars(layer)) == before
    assert list(layer.buffers()) == []


def test_the_coordinates_follow_the_size_of_each_picture():
    layer = CoordConv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.coord_weight.copy_(torch.eye(2).view(2, 2, 1, 1))
    for size in [(2, 3), (3, 5), (1, 4), (2, 3)]:
        assert_close(layer(torch.randn(1, 1, *size))[0], coordinate_grid(size))


@pytest.mark.parametrize("method", ["separate", "concatenate"])
@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_single_picture_without_a_batch_gives_what_a_batch_of_one_gives(name, radius, method):
    layer = getattr(coordconv, name)(4, 4, 3, padding=1, radius=radius, method=method)
    x = picture(name)[0]
    assert_close(layer(x), layer(x[None])[0])
    with torch.no_grad():
        assert_close(layer(x), layer(x[None])[0])


@pytest.mark.parametrize("method", ["separate", "concatenate"])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("name", LAYERS)
def test_an_empty_batch_gives_an_empty_batch_and_zero_gradients(name, kernel, method):
    layer = getattr(coordconv, name)(4, 6, kernel, padding=kernel // 2, method=method)
    output = layer(picture(name, batch=0))
    assert output.shape == (0, 6, *picture(name).shape[2:])
    output.sum().backward()
    assert layer.coord_weight.grad is not None
    assert_close(layer.coord_weight.grad, torch.zeros_like(layer.coord_weight), rtol=0, atol=0)


@pytest.mark.parametrize("name", LAYERS)
def test_the_answer_is_the_same_with_gradients_and_without(name):
    x = picture(name, batch=1)
    for kernel in (1, 3):
        layer = getattr(coordconv, name)(4, 6, kernel, padding=kernel // 2)
        with torch.no_grad():
            expected = layer(x)
        assert_close(layer(x), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_copies_and_pickles_compute_the_same(name):
    layer = getattr(coordconv, name)(
        4, 6, 3, groups=2, radius=True, convention="wizaron", coord_kernel_size=1, method="separate"
    )
    x = picture(name)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert_close(twin(x), layer(x), rtol=0, atol=0)
        assert repr(twin) == repr(layer)


def test_the_repr_shows_the_arguments_the_radius_and_the_options_in_use():
    layer = CoordConv2d(4, 6, 3, padding=1, groups=2, radius=True)
    arguments = "kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=2, radius=True"
    assert repr(layer) == f"CoordConv2d(4, 6, {arguments})"
    options = {"convention": "monai", "coord_kernel_size": 1, "method": "separate"}
    text = repr(CoordConv2d(4, 6, 3, **options))
    shown = "radius=False, convention='monai', coord_kernel_size=(1, 1), method='separate')"
    assert text.endswith(shown)
    assert repr(AddCoords()) == "AddCoords(radius=False)"


@pytest.mark.parametrize("name", LAYERS)
def test_extras_are_keyword_only_so_that_arguments_are_those_of_the_plain_layer(name):
    plain = getattr(nn, name.removeprefix("Coord"))
    if "Transpose" in name:
        arguments = (4, 6, 3, 2, 0, 1, 2, True, 1, "zeros", "cpu", torch.float64)
    else:
        arguments = (4, 6, 3, 1, 0, 1, 2, True, "zeros", "cpu", torch.float64)
    layer = getattr(coordconv, name)(*arguments)
    assert isinstance(layer, plain)
    assert layer.weight.shape == plain(*arguments).weight.shape
    assert layer(picture(name).double()).shape == plain(*arguments)(picture(name).double()).shape
    with pytest.raises(TypeError):
        getattr(coordconv, name)(*arguments, True)


@pytest.mark.parametrize("name", [name for name in LAYERS if "Transpose" in name])
def test_the_output_size_may_be_asked_for(name):
    layer, x = getattr(coordconv, name)(4, 6, 3, stride=2), picture(name)
    wanted = [2 * n + 2 for n in x.shape[2:]]
    assert layer(x, output_size=wanted).shape[2:] == tuple(wanted)
    with pytest.raises(ValueError, match="requested an output size"):
        layer(x, output_size=[99] * len(wanted))


@pytest.mark.parametrize("size", [0, 4, (1, 4), (1,)])
def test_a_coordinate_kernel_larger_than_the_kernel_is_refused(size):
    with pytest.raises(ValueError, match=r"between 1 and kernel_size=\(3, 3\)"):
        CoordConv2d(4, 6, 3, coord_kernel_size=size)


@pytest.mark.parametrize("size", [True, 1.0, (1.0, 1.0), (1, True), "1", [None, 1]])
def test_a_coordinate_kernel_that_is_not_an_integer_is_refused(size):
    with pytest.raises(TypeError, match="`coord_kernel_size` must be an integer, or one for each"):
        CoordConv2d(4, 6, 3, coord_kernel_size=size)


def test_a_smaller_coordinate_kernel_is_centered_or_half_a_tap_towards_the_start():
    x = torch.zeros(1, 1, 4, 5)
    for kernel, middle in ((3, 1), (4, 1), (5, 2)):
        layer = CoordConv2d(1, 1, kernel, padding="same", coord_kernel_size=1)
        full = CoordConv2d(1, 1, kernel, padding="same")
        full.load_state_dict(
            layer.state_dict() | {"coord_weight": torch.zeros(1, 2, *[kernel] * 2)}
        )
        with torch.no_grad():
            full.coord_weight[:, :, middle, middle] = layer.coord_weight[:, :, 0, 0]
        assert_close(layer(x), full(x))


@pytest.mark.parametrize("form", [None, "module", "layer"])
def test_the_name_of_a_convention_may_be_assigned(form):
    layer, x = CoordConv2d(4, 6, 3), torch.randn(2, 4, 5, 6)
    expected = CoordConv2d(4, 6, 3, convention="wizaron")
    expected.load_state_dict(layer.state_dict())
    layer.convention = "wizaron"
    assert layer.convention == CONVENTIONS["wizaron"]
    assert_close(layer(x), expected(x), rtol=0, atol=0)
    if form:
        assert_close(decompose(layer, form=form)(x), expected(x))
    part = layer.coords if form == "module" else layer
    with pytest.raises(ValueError, match="must be one of the presets"):
        part.convention = "wizzard"
    assert part.convention == CONVENTIONS["wizaron"]


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="'auto', 'separate' or 'concatenate', got 'fast'"):
        CoordConv2d(1, 1, 1, method="fast")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("radius", [False, True])
def test_add_coords_is_the_twin_of_append_coordinates(radius):
    x: Tensor = torch.randn(2, 3, 4, 5)
    options = {"convention": "wizaron", "radius": radius}
    expected = append_coordinates(x, **options)
    assert_close(AddCoords(**options)(x), expected, rtol=0, atol=0)
    assert list(AddCoords(**options).state_dict()) == []
