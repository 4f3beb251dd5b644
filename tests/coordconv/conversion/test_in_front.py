"""Coordinates in front of an unknown layer are added to its input by a pointwise convolution."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.nn.utils.fusion import fuse_conv_bn_eval

from coordconv import convert, coordinate_grid, precompute, revert
from coordconv.conversion import from_plain, register_convolution, to_concatenated
from coordconv.costs import coordinate_costs
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.others import CoordinatesInFront


class Activated(nn.Conv2d):
    """A convolution that cannot be registered: its output is not linear in its input."""

    def forward(self, input: Tensor) -> Tensor:
        return functional.relu(super().forward(input))


class Upward(nn.ConvTranspose3d):
    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(input, output_size).tanh()


class Deformable(nn.Module):
    """A module that is not a torch convolution and takes more arguments than an image."""

    def __init__(self) -> None:
        super().__init__()
        self.in_channels, self.kernel_size = 3, (3, 3)
        self.values = nn.Parameter(torch.randn(3, 1, 1))

    def forward(self, input: Tensor, offset: Tensor, *, mask: Tensor | None = None) -> Tensor:
        output = input * self.values + offset
        return output if mask is None else output * mask


class Passed(nn.Conv2d):
    """A layer that returns its input."""

    def forward(self, input: Tensor) -> Tensor:
        return input


class PassedAlongALine(nn.Conv1d):
    def forward(self, input: Tensor) -> Tensor:
        return input


LAYERS = {
    "activated": (lambda: Activated(3, 6, 3, 2, 1), (2, 3, 8, 11)),
    "grouped": (lambda: Activated(4, 6, 3, groups=2, padding_mode="reflect"), (2, 4, 8, 11)),
    "upward": (lambda: Upward(3, 6, 2, 2), (2, 3, 4, 3, 5)),
    "weight norm": (lambda: parametrizations.weight_norm(Activated(3, 6, 3)), (2, 3, 8, 11)),
}


def converted(name: str, **options):
    make, shape = LAYERS[name]
    plain = make().eval()
    layer = convert(copy.deepcopy(plain), unknown="in_front", **options)
    with torch.no_grad():
        layer.coord_weight.normal_()
    return plain, layer, torch.randn(shape)


def by_hand(layer, input: Tensor, grid: Tensor) -> Tensor:
    return input + torch.einsum("cd,d...->c...", layer.coord_weight.flatten(1), grid)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("radius", [False, True])
def test_outputs_do_not_change_and_the_new_weights_get_gradients(name, radius):
    make, shape = LAYERS[name]
    layer, input = make(), torch.randn(shape)
    before, keys = layer(input), list(layer.state_dict())
    assert convert(layer, unknown="in_front", radius=radius) is layer
    assert torch.equal(layer(input), before)
    assert set(layer.state_dict()) == {*keys, "coord_weight"}
    layer(input).square().sum().backward()
    assert layer.coord_weight.grad.abs().sum() > 0
    count = len(shape) - 2 + radius
    assert layer.coord_weight.shape == (shape[1], count, *[1] * (len(shape) - 2))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("convention", ["paper", "wizaron"])
def test_the_output_is_that_for_the_input_plus_a_sum_of_coordinates(name, convention):
    plain, layer, input = converted(name, radius=True, convention=convention)
    grid = coordinate_grid(input.shape[2:], radius=True, convention=convention)
    expected = plain(by_hand(layer, input, grid))
    torch.testing.assert_close(layer(input), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(layer(input[0]), expected[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("kind", [Passed, PassedAlongALine])
def test_with_zero_weights_the_layer_gets_its_input_bit_for_bit(kind, dtype):
    layer = convert(kind(2, 2, 1).to(dtype), unknown="in_front")
    special = [0.0, -0.0, 1.0, -1.0, float("inf"), -float("inf"), float("nan"), 6e-8]
    size = (2, 4) if kind is Passed else (8,)
    input = torch.tensor(special + special[::-1], dtype=dtype).view(1, 2, *size)
    bits = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
    for weight in (0.0, -0.0):
        with torch.no_grad():
            layer.coord_weight.fill_(weight)
        assert torch.equal(layer(input).view(bits), input.view(bits))


def test_a_crop_keeps_its_position_in_the_full_image():
    plain, layer, input = converted("activated")
    window = ((2, 3), (20, 30))
    grid = coordinate_grid((8, 11), window=window)
    torch.testing.assert_close(layer(input, window=window), plain(by_hand(layer, input, grid)))
    torch.testing.assert_close(layer(input, coordinates=grid), layer(input, window=window))


def test_any_layer_with_known_channels_can_be_named_and_keeps_its_arguments():
    net = nn.ModuleDict({"stem": nn.Conv2d(3, 3, 1), "odd": Deformable()})
    input, offset, mask = torch.randn(3, 2, 3, 5, 7).unbind(0)
    before = net["odd"](input, offset, mask=mask)
    layer = net["odd"]
    with pytest.raises(ValueError, match="no convolution of the model is named 'odd'"):
        convert(net, "odd")
    found = []
    convert(net, ["odd"], unknown="in_front", report=found.append)
    assert net["odd"] is layer
    assert isinstance(layer, CoordinatesInFront)
    assert not isinstance(net["stem"], CoordinateLayer)
    assert [change.name for change in found[0].converted] == ["odd"]
    assert torch.equal(layer(input, offset, mask=mask), before)
    with torch.no_grad():
        layer.coord_weight.normal_()
    precomputed = precompute(layer, {"input": input, "offset": offset, "mask": mask})
    torch.testing.assert_close(
        precomputed(input, offset, mask=mask), layer(input, offset, mask=mask), rtol=1e-5, atol=1e-5
    )


def test_all_only_puts_coordinates_in_front_of_unknown_layers():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), Activated(4, 4, 3), nn.Linear(3, 3))
    convert(net, "all", unknown="in_front")
    assert [isinstance(one, CoordinatesInFront) for one in net] == [False, True, False]
    assert isinstance(net[0], CoordinateLayer)


@pytest.mark.parametrize("name", LAYERS)
def test_revert_restores_the_layer(name):
    plain, layer, input = converted(name)
    with pytest.raises(ValueError, match="are not zero"):
        revert(layer)
    assert revert(layer, discard=True) is layer
    assert type(layer).__name__ == type(plain).__name__
    assert set(vars(layer)) == set(vars(plain))
    assert torch.equal(layer(input), plain(input))


@pytest.mark.parametrize("name", LAYERS)
def test_a_folded_layer_adds_a_constant_to_its_input(name):
    _, layer, input = converted(name)
    precomputed = precompute(nn.Sequential(layer), input)
    assert not any(isinstance(one, CoordinateLayer) for one in precomputed.modules())
    torch.testing.assert_close(precomputed(input), layer(input), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="precompute the model again"):
        precomputed(torch.cat([input, input], dim=-1))
    with pytest.raises(ValueError, match="coordinates of a precomputed layer are constant"):
        precompute(
            layer, {"input": input, "window": ((0,) * (input.dim() - 2), (20,) * (input.dim() - 2))}
        )


def test_copies_pickles_and_checkpoints_keep_the_coordinates():
    plain, layer, input = converted("activated")
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(again) is type(layer)
        assert torch.equal(again(input), layer(input))
    with pytest.raises(ValueError, match="with a custom forward"):
        to_concatenated(layer)
    layer.load_state_dict(from_plain(layer, plain.state_dict()), strict=True)
    assert torch.equal(layer(input), plain(input))


def test_costs_count_the_pointwise_convolution():
    _, layer, input = converted("activated")
    [entry] = coordinate_costs(nn.Sequential(layer), input)
    assert entry.coordinate_parameters == 3 * 2
    assert entry.coordinate_flops == 2 * (3 * 2) * (8 * 11)
    assert "1,056" in str(coordinate_costs(nn.Sequential(layer), input))


@pytest.mark.slow("a compiler")
@pytest.mark.parametrize("name", ["activated", "upward"])
def test_the_layer_can_be_exported_for_any_size_compiled_and_traced(name):
    _, layer, input = converted(name)
    larger = torch.randn(3, input.shape[1], *(n + 4 for n in input.shape[2:]))
    dynamic = dict.fromkeys((0, *range(2, input.dim())), torch.export.Dim.DYNAMIC)
    program = torch.export.export(layer, (input,), dynamic_shapes=(dynamic,))
    forms = [program.module(), torch.jit.trace(layer, input)]
    forms.append(torch.compile(layer, backend="aot_eager", fullgraph=True))
    for form in forms:
        torch.testing.assert_close(form(larger), layer(larger))


def test_a_fuser_that_scales_the_weights_in_place_preserves_the_outputs():
    class Linear(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:
            return self._conv_forward(input, self.weight * 1.0, self.bias)

    layer = convert(Linear(3, 6, 3), unknown="in_front").eval()
    norm = nn.BatchNorm2d(6).eval()
    with torch.no_grad():
        for one in (layer.coord_weight, norm.weight, norm.bias, norm.running_mean):
            one.normal_()
    input = torch.randn(2, 3, 5, 7)
    torch.testing.assert_close(fuse_conv_bn_eval(layer, norm)(input), norm(layer(input)))


def _with(layer: nn.Module, **attributes) -> nn.Module:
    for name, value in attributes.items():
        setattr(layer, name, value)
    return layer


class TakesWindow(nn.Conv2d):
    def forward(self, input: Tensor, window: int = 1) -> Tensor:
        return input * window


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (lambda: nn.Linear(3, 3), "must have in_channels and kernel_size"),
        (lambda: nn.BatchNorm2d(3), "must have in_channels and kernel_size"),
        (lambda: nn.Sequential(Activated(3, 3, 1)), "select a layer inside it"),
        (lambda: _with(Activated(3, 3, 1), radius=2), "already has the attributes radius"),
        (lambda: _with(Activated(3, 3, 1), method="fast"), "already has the attributes method"),
        (lambda: _with(Activated(3, 3, 1), forward=lambda x: x), "its forward was replaced"),
        (lambda: TakesWindow(3, 3, 1), "already has an argument 'window'"),
        (lambda: torch.ao.nn.quantized.Conv2d(3, 3, 1), "quantized"),
        (lambda: torch.jit.script(nn.Conv2d(3, 3, 1)), "scripting"),
        (lambda: Activated(3, 3, 1).to(torch.complex64), "torch.complex64"),
    ],
)  # fmt: skip
def test_a_layer_that_is_not_supported_raises_an_error_and_nothing_changes(layer, said):
    net = nn.Sequential(nn.Conv2d(3, 3, 1), layer())
    kinds = [type(one) for one in net]
    with pytest.raises(ValueError, match=said):
        convert(net, ["0", "1"], unknown="in_front")
    assert [type(one) for one in net] == kinds


class Tripled(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, 3 * self.weight, self.bias)


class Squashed(nn.Conv2d):
    def forward(self, x: Tensor, scale: float = 1) -> Tensor:
        return super().forward(x).tanh() * scale


class ByName(nn.Module):
    """A model that passes the input of a layer by name."""

    def __init__(self, layer: nn.Module, **options: float) -> None:
        super().__init__()
        self.layer, self.options = layer, options

    def forward(self, image: Tensor) -> Tensor:
        return self.layer(x=image, **self.options)


@pytest.mark.parametrize("kind", [Tripled, Squashed])
def test_the_input_may_have_the_name_that_the_layer_gives_it(kind):
    if kind is Tripled:
        register_convolution(Tripled)
    options = {"scale": 2} if kind is Squashed else {}
    model, x = ByName(kind(3, 4, 3), **options), torch.randn(2, 3, 9, 8)
    before = model(x)
    convert(model, unknown="in_front", example=x)
    torch.testing.assert_close(model(x), before, rtol=0, atol=0)
    nn.init.normal_(model.layer.coord_weight)
    expected = model.layer(x, **model.options)
    assert not torch.equal(expected, before)
    for same in (model, precompute(model, x), torch.fx.symbolic_trace(model)):
        torch.testing.assert_close(same(x), expected)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'input'"):
        model.layer()


def test_inputs_of_wrong_dtype_or_shape_raise_errors():
    layer = convert(Activated(3, 3, 1), unknown="in_front")
    with pytest.raises(TypeError, match="floating-point"):
        layer(torch.zeros(1, 3, 4, 5, dtype=torch.int32))
    with pytest.raises(ValueError, match="3, \\*size"):
        layer(torch.zeros(1, 4, 5, 3))


def test_an_unknown_choice_raises_an_error():
    with pytest.raises(ValueError, match="`unknown` must be 'raise' or 'in_front', got 'behind'"):
        convert(nn.Conv2d(3, 3, 1), unknown="behind")
    with pytest.raises(ValueError, match="custom convolution"):
        convert(Activated(3, 3, 1))
