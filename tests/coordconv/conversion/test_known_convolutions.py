"""A registered subclass keeps its forward and equals "append the coordinates, then convolve"."""

import copy
import math
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize
from torch.utils.flop_counter import FlopCounterMode

from coordconv import convert, coordinate_grid, precompute, revert
from coordconv.conversion import from_concatenated, from_plain, register_convolution
from coordconv.conversion.made import _NAMES, Made
from coordconv.costs import coordinate_costs
from coordconv.layers.convolution import CoordConvolution
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.others import CoordinatesBeside, CoordinatesInFront


def same_margins(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the margins by definition: ceil(size / stride) outputs, an odd pixel at the end."""
    total = (math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size
    total = max(total, 0)
    return total // 2, total - total // 2


def standardized(weight: Tensor, eps: float = 1e-6) -> Tensor:
    rows = weight.flatten(1)
    rows = rows - rows.mean(1, keepdim=True)
    return (rows / (rows.square().mean(1, keepdim=True) + eps).sqrt()).view_as(weight)


class Same(nn.Conv2d):
    """A copy of the class of timm with "same" padding."""

    def forward(self, input: Tensor) -> Tensor:
        margins = []
        for axis in (1, 0):
            numbers = (self.kernel_size[axis], self.stride[axis], self.dilation[axis])
            margins += same_margins(input.shape[2 + axis], *numbers)
        return self._conv_forward(functional.pad(input, margins), self.weight, self.bias)


class Standardized(nn.Conv2d):
    """A copy of the class of timm with weight standardization."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, standardized(self.weight), self.bias)


# The classes of timm are registered by these names.
Same.__module__, Same.__qualname__ = "timm.layers.conv2d_same", "Conv2dSame"
Standardized.__module__, Standardized.__qualname__ = "timm.layers.std_conv", "StdConv2d"


@register_convolution
class Doubled(nn.Conv3d):
    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, 2 * self.weight, self.bias)


class Causal(nn.Conv1d):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(functional.pad(input, (self.kernel_size[0] - 1, 0)))


register_convolution(Causal, pad=lambda layer, x: functional.pad(x, (layer.kernel_size[0] - 1, 0)))


class Panorama(nn.Conv2d):
    """A convolution that wraps only along x."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(functional.pad(input, (1, 1, 0, 0), "circular"))


register_convolution(Panorama, pad=lambda _, x: functional.pad(x, (1, 1, 0, 0), "circular"))


class Unchanged(nn.Conv2d):
    """A subclass that only has another name."""


def doubled(weight: Tensor) -> Tensor:
    return 2 * weight


def kept(weight: Tensor) -> Tensor:
    return weight


def pad_same(layer: nn.Conv2d, x: Tensor) -> Tensor:
    for axis in (2, 3):
        numbers = (layer.kernel_size[axis - 2], layer.stride[axis - 2], layer.dilation[axis - 2])
        before, after = same_margins(x.shape[axis], *numbers)
        shape = list(x.shape)
        zeros = [x.new_zeros(*shape[:axis], n, *shape[axis + 1 :]) for n in (before, after)]
        x = torch.cat([zeros[0], x, zeros[1]], dim=axis)
    return x


def pad_nothing(_: nn.Module, x: Tensor) -> Tensor:
    return x


# How to create a layer, an input, its padding and its transformation of the weights.
KINDS = {
    "same": (lambda: Same(3, 6, 3, stride=2), (2, 3, 8, 11), pad_same, kept),
    "same, dilated": (lambda: Same(4, 6, (2, 3), 3, 0, 2, 2), (2, 4, 8, 11), pad_same, kept),
    "standardized": (lambda: Standardized(3, 6, 3, 2, 1), (2, 3, 8, 11), pad_nothing, standardized),
    "doubled": (lambda: Doubled(3, 6, 2), (2, 3, 4, 3, 5), pad_nothing, doubled),
    "reflected": (
        lambda: Standardized(3, 6, 3, 1, 1, padding_mode="reflect"),
        (2, 3, 8, 11),
        pad_nothing,
        standardized,
    ),
    "causal": (
        lambda: Causal(3, 6, 3),
        (2, 3, 9),
        lambda _, x: torch.cat([x.new_zeros(*x.shape[:2], 2), x], dim=2),
        kept,
    ),
    "panorama": (
        lambda: Panorama(3, 6, 3),
        (2, 3, 8, 11),
        lambda _, x: torch.cat([x[..., -1:], x, x[..., :1]], dim=3),
        kept,
    ),
    "unchanged": (lambda: Unchanged(3, 6, 3, 2, 1), (2, 3, 8, 11), pad_nothing, kept),
}


def appended_then_convolved(layer, plain, pad, change, x: Tensor, grid: Tensor) -> Tensor:
    """Compute by definition, per group; only data weights are transformed."""
    outputs = []
    weights = change(layer.weight).chunk(layer.groups)
    parts = zip(
        x.chunk(layer.groups, 1), weights, layer.coord_weight.chunk(layer.groups), strict=True
    )
    for number, (data, weight, coord_weight) in enumerate(parts):
        alone = plain.__new__(type(plain))
        alone.__dict__ = copy.deepcopy(plain.__dict__)
        joined = torch.cat([data, grid.expand(x.shape[0], *grid.shape)], dim=1)
        alone.groups, joint = 1, torch.cat([weight, coord_weight], dim=1)
        bias = layer.bias.chunk(layer.groups)[number]
        outputs.append(
            nn.Module.__getattribute__(alone, "_conv_forward")(pad(layer, joined), joint, bias)
        )
    return torch.cat(outputs, dim=1)


def converted(kind: str, **options):
    make, shape, pad, change = KINDS[kind]
    plain = make().eval()
    layer = convert(copy.deepcopy(plain), **options)
    with torch.no_grad():
        layer.coord_weight.normal_()
    return plain, layer, torch.randn(shape), pad, change


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [False, True])
def test_outputs_do_not_change_and_the_new_weights_get_gradients(kind, radius):
    make, shape, *_ = KINDS[kind]
    layer, input = make(), torch.randn(shape)
    before, keys = layer(input), list(layer.state_dict())
    assert convert(layer, radius=radius) is layer
    assert torch.equal(layer(input), before)
    assert [*layer.state_dict()] == [*keys, "coord_weight"]
    layer(input).square().sum().backward()
    assert layer.coord_weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [False, True])
def test_the_layer_equals_appending_the_coordinates_and_then_convolving(kind, radius):
    plain, layer, input, pad, change = converted(kind, radius=radius)
    grid = coordinate_grid(input.shape[2:], radius=radius)
    expected = appended_then_convolved(layer, plain, pad, change, input, grid)
    torch.testing.assert_close(layer(input), expected, rtol=1e-5, atol=1e-5)
    if pad is pad_nothing:  # The other layers require a batch.
        torch.testing.assert_close(layer(input[0]), expected[0], rtol=1e-5, atol=1e-5)


@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
)
def test_same_padding_is_correct_for_every_size_kernel_stride_and_dilation(
    size, kernel, stride, dilation
):
    plain = Same(2, 3, kernel, stride, dilation=dilation)
    layer, input = convert(copy.deepcopy(plain)), torch.randn(1, 2, *size)
    with torch.no_grad():
        layer.coord_weight.normal_()
    grid = coordinate_grid(size)
    expected = appended_then_convolved(layer, plain, pad_same, kept, input, grid)
    assert expected.shape[2:] == tuple(-(-n // stride) for n in size)
    torch.testing.assert_close(layer(input), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["standardized", "doubled", "causal"])
def test_a_crop_keeps_its_position_in_the_full_image_also_per_sample(kind):
    plain, layer, input, pad, change = converted(kind)
    size = input.shape[2:]
    starts = torch.tensor([[1.0] * len(size), [2.0] * len(size)])
    whole = torch.tensor([[20.0] * len(size)] * 2)
    result = layer(input, window=(starts, whole))
    grids = coordinate_grid(size, window=(starts, whole))
    for number in range(2):
        one = input[number : number + 1]
        expected = appended_then_convolved(layer, plain, pad, change, one, grids[number])
        torch.testing.assert_close(result[number : number + 1], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", [1, (1, 3), (2, 2)])
def test_a_smaller_kernel_equals_the_full_one_padded_with_zeros(kernel):
    small = convert(Standardized(3, 6, 3, padding=1), coord_kernel_size=kernel)
    large = convert(Standardized(3, 6, 3, padding=1))
    taps = (kernel, kernel) if isinstance(kernel, int) else kernel
    first = [(3 - n) // 2 for n in taps]
    with torch.no_grad():
        small.coord_weight.normal_()
        large.weight.copy_(small.weight)
        large.bias.copy_(small.bias)
        place = large.coord_weight[
            :, :, first[0] : first[0] + taps[0], first[1] : first[1] + taps[1]
        ]
        place.copy_(small.coord_weight)
    input = torch.randn(2, 3, 5, 7)
    torch.testing.assert_close(small(input), large(input))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_dtypes_and_memory_formats_are_those_of_the_plain_layer(dtype):
    plain = Same(3, 6, 3, stride=2).to(dtype).to(memory_format=torch.channels_last)
    layer = convert(copy.deepcopy(plain))
    input = torch.randn(2, 3, 8, 11).to(dtype).contiguous(memory_format=torch.channels_last)
    assert torch.equal(layer(input), plain(input))
    assert layer(input).dtype == dtype
    assert layer(input).stride() == plain(input).stride()
    with torch.autocast("cpu"):
        assert layer(input).dtype == plain(input).dtype


@pytest.mark.parametrize("kind", KINDS)
def test_revert_restores_the_layer(kind):
    plain, layer, input, *_ = converted(kind)
    with pytest.raises(ValueError, match="are not zero"):
        revert(layer)
    assert revert(layer, discard=True) is layer
    assert type(layer) is type(plain)
    assert set(vars(layer)) == set(vars(plain))
    assert torch.equal(layer(input), plain(input))


@pytest.mark.parametrize("kind", KINDS)
def test_a_folded_layer_computes_the_same_for_one_size(kind):
    _, layer, input, *_ = converted(kind)
    precomputed = precompute(nn.Sequential(layer), input)
    assert not any(isinstance(one, CoordinateLayer) for one in precomputed.modules())
    torch.testing.assert_close(precomputed(input), layer(input), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        copy.deepcopy(precomputed)(input), layer(input), rtol=1e-5, atol=1e-5
    )
    with pytest.raises(ValueError, match="precompute the model again"):
        precomputed(torch.cat([input, input], dim=-1))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_compute_the_same_and_have_the_same_class(kind):
    _, layer, input, *_ = converted(kind)
    again = copy.deepcopy(layer)
    assert type(again) is type(layer)
    assert torch.equal(again(input), layer(input))


def test_a_layer_is_pickled_with_the_class_that_it_is_made_from():
    layer = convert(Doubled(3, 6, 2))
    with torch.no_grad():
        layer.coord_weight.normal_()
    input = torch.randn(2, 3, 4, 3, 5)
    for one in (layer, precompute(layer, input)):
        again = pickle.loads(pickle.dumps(one))
        assert type(again) is type(one)
        assert torch.equal(again(input), one(input))


def test_a_custom_pickle_method_raises_an_error_instead_of_dropping_coordinates():
    class Own(nn.Conv2d):
        def __reduce__(self):
            return nn.Conv2d, (3, 8, 3)

    with pytest.raises(TypeError, match="save the state dict"):
        pickle.dumps(convert(Own(3, 8, 3)))


@pytest.mark.parametrize("kind", KINDS)
def test_costs_count_the_flops_of_the_coordinates(kind):
    plain, layer, input, *_ = converted(kind)
    [entry] = coordinate_costs(layer, input)
    with FlopCounterMode(display=False) as counter:
        plain(input[:1])
    assert entry.flops - entry.coordinate_flops == counter.get_total_flops()
    assert entry.coordinate_parameters == layer.coord_weight.numel()
    assert 0 < entry.coordinate_flops < entry.flops


def test_plain_checkpoints_load_and_concatenated_ones_raise_an_error():
    plain, layer, input, *_ = converted("standardized")
    layer.load_state_dict(from_plain(layer, plain.state_dict()), strict=True)
    assert torch.equal(layer(input), plain(input))
    with pytest.raises(ValueError, match="with a custom forward"):
        from_concatenated(layer, plain.state_dict())


@pytest.mark.slow("a compiler")
@pytest.mark.parametrize("kind", ["standardized", "doubled", "causal", "unchanged"])
def test_the_layer_can_be_exported_compiled_and_traced_like_the_plain_layer(kind):
    _, layer, input, *_ = converted(kind)
    larger = torch.randn(3, *(n + 5 for n in input.shape[1:2]), *(n + 4 for n in input.shape[2:]))
    larger = larger[:, : input.shape[1]]
    dynamic = dict.fromkeys((0, *range(2, input.dim())), torch.export.Dim.DYNAMIC)
    torch._dynamo.reset()  # The exports of a process must not exceed the limit of torch 2.7.
    program = torch.export.export(layer, (input,), dynamic_shapes=(dynamic,)).module()
    forms = {
        "exported": program,
        "traced": torch.jit.trace(layer, input),
        "compiled": torch.compile(layer, backend="aot_eager", fullgraph=True),
        "fx": torch.fx.symbolic_trace(layer) if kind != "unchanged" else layer,
    }
    for name, form in forms.items():
        torch.testing.assert_close(form(larger), layer(larger), msg=lambda text, n=name: n + text)


def test_parametrized_weights_stay_parametrized():
    plain = parametrizations.weight_norm(Standardized(3, 6, 3))
    keys, input = list(plain.state_dict()), torch.randn(2, 3, 5, 7)
    before = plain(input)
    layer = convert(plain)
    assert parametrize.is_parametrized(layer, "weight")
    assert torch.equal(layer(input), before)
    assert torch.equal(copy.deepcopy(layer)(input), before)
    parametrize.remove_parametrizations(revert(layer), "weight")
    assert type(layer) is Standardized
    assert len(keys) == len(layer.state_dict()) + 1


def test_a_subclass_that_inherits_its_forward_gets_the_layer_of_its_base():
    class Transposed(nn.ConvTranspose2d):
        pass

    class OfKnown(Standardized):
        pass

    assert isinstance(convert(Unchanged(3, 6, 3)), CoordConvolution)
    assert "Coord" in type(convert(Transposed(3, 6, 3))).__name__
    assert isinstance(convert(OfKnown(3, 6, 3)), CoordinatesBeside)


@pytest.mark.parametrize(
    "changed",
    [
        {"forward": lambda self, input: input},
        {"_conv_forward": lambda self, input, weight, bias: input},
        {"__call__": lambda self, input: input},
        {"weight": property(lambda self: torch.zeros(6, 3, 3, 3))},
        {"stride": property(lambda self: (2, 2), lambda self, value: None)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_subclass_that_changes_its_behavior_raises_an_error(changed):
    for base in (nn.Conv2d, Standardized):
        kind = type("Changed", (base,), changed)
        layer = kind.__new__(kind)
        layer.__dict__ = base(3, 6, 3).__dict__
        with pytest.raises(ValueError, match="custom convolution"):
            convert(layer)
        assert type(layer) is kind


@pytest.mark.parametrize("kind", [Standardized, nn.Conv2d, nn.ConvTranspose2d])
def test_a_layer_with_conflicting_attributes_raises_an_error(kind):
    layer = kind(3, 6, 3)
    layer.method = "custom"
    with pytest.raises(ValueError, match="already has the attributes method"):
        convert(layer)
    assert (layer.method, type(layer)) == ("custom", kind)


def test_every_attribute_that_a_layer_gets_is_checked_for_conflicts():
    ours = {
        name
        for way in (CoordinateLayer, CoordinatesBeside, CoordinatesInFront, Made)
        for name in (*vars(way), *way.__annotations__)
        if not name.startswith("__") and not hasattr(nn.Conv2d(1, 1, 1), name)
    }
    assert ours == set(_NAMES)


def test_a_wrong_registered_padding_raises_an_error_at_the_first_call():
    class Wrong(nn.Conv2d):
        def forward(self, input):
            return super().forward(functional.pad(input, (1, 1, 1, 1)))

    layer = convert(register_convolution(Wrong)(3, 6, 3))
    with pytest.raises(
        ValueError, match="set `pad` to the padding that `forward` of the layer applies"
    ):
        layer(torch.zeros(1, 3, 3, 3))


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((nn.Linear,), TypeError, "must be a subclass of"),
        ((nn.ConvTranspose2d,), TypeError, "must be a subclass of"),
        ((Doubled(1, 1, 1),), TypeError, "must be a subclass of"),
        ((nn.Conv2d,), TypeError, "without registration"),
        ((Doubled, "valid"), ValueError, "'own', 'same' or a function"),
        ((Doubled, 3), TypeError, "'own', 'same' or a function"),
        ((Doubled, "same"), ValueError, "already registered"),
    ],
)
def test_classes_that_cannot_be_registered_raise_errors(arguments, error, said):
    with pytest.raises(error, match=said):
        register_convolution(*arguments)


def _of_libraries():
    """Yield layers of other libraries that are installed."""
    timm = pytest.importorskip("timm.layers")
    smp = pytest.importorskip("segmentation_models_pytorch.encoders._efficientnet")
    for stride in (1, 2):
        yield timm.Conv2dSame(3, 6, 3, stride)
        yield timm.StdConv2d(3, 6, 3, stride)
        yield timm.StdConv2dSame(3, 6, 3, stride)
        yield timm.ScaledStdConv2d(3, 6, 3, stride)
        yield timm.ScaledStdConv2dSame(3, 6, 3, stride)
        yield smp.Conv2dDynamicSamePadding(3, 6, 3, stride)
        yield smp.Conv2dStaticSamePadding(3, 6, 3, stride, image_size=(8, 11))
    yield from _of_transformers()


def _of_transformers():
    bit = pytest.importorskip("transformers.models.bit.modeling_bit")
    perceiver = pytest.importorskip("transformers.models.perceiver.modeling_perceiver")
    align = pytest.importorskip("transformers.models.align.modeling_align")
    for stride in (1, 2):
        yield bit.WeightStandardizedConv2d(3, 6, 3, stride)
        yield bit.WeightStandardizedConv2d(3, 6, 3, stride, padding=None)
        yield perceiver.Conv2dSamePadding(3, 6, 4, stride)
    yield align.AlignVisionDepthwiseConv2d(3, 2, 3)


@pytest.mark.parametrize("source", [_of_libraries, _of_transformers])
def test_layers_of_other_libraries_pad_the_coordinates_like_the_data(source):
    """Compare with the plain layer's own forward applied to the coordinates as data."""
    for plain in source():
        layer = convert(copy.deepcopy(plain))
        input = torch.randn(2, 3, 8, 11)
        assert torch.equal(layer(input), plain(input)), type(plain).__name__
        with torch.no_grad():
            layer.coord_weight.normal_()
        term = layer(input) - plain(input)
        assert term.abs().sum() > 0
        # If the coordinate and all weights are 1, the output counts the pixels under the kernel, as
        # does the mean response of the plain layer to ones.
        with torch.no_grad():
            layer.coord_weight.fill_(0).narrow(1, 0, 1).fill_(1)
        ones = torch.ones(2, 8, 11)
        counted = layer(input, coordinates=ones) - plain(input)
        kernel = nn.Conv2d(1, 1, plain.kernel_size, bias=False)
        by_hand = _pixels_under_the_kernel(plain, kernel)
        torch.testing.assert_close(
            counted[0, 0], by_hand, rtol=1e-4, atol=1e-4, msg=type(plain).__name__
        )


def _pixels_under_the_kernel(plain, kernel: nn.Conv2d) -> Tensor:
    """Count the pixels with a gradient of the plain output, for an image of 8 x 11."""
    input = torch.zeros(1, 3, 8, 11, requires_grad=True)
    with torch.no_grad():
        plain.weight.normal_()
    output = plain(input)
    counts = torch.zeros(output.shape[2:])
    for row in range(output.shape[2]):
        for column in range(output.shape[3]):
            [reached] = torch.autograd.grad(output[0, 0, row, column], input, retain_graph=True)
            counts[row, column] = (reached[0].abs().sum(0) > 0).sum()
    return counts
