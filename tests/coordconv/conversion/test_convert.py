"""A conversion only adds coordinate weights of zero and keeps everything else."""

import copy
import io
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from coordconv import CoordConv2d, convert, revert
from coordconv.conversion import Report
from coordconv.layers.coordinates import CoordinateLayer

PLAIN = {
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, padding=1), (2, 4, 7)),
    "conv2d": (lambda: nn.Conv2d(4, 6, (3, 2), stride=2), (2, 4, 7, 5)),
    "conv3d": (lambda: nn.Conv3d(4, 6, 2, bias=False), (2, 4, 3, 4, 5)),
    "transposed1d": (lambda: nn.ConvTranspose1d(4, 6, 3, output_padding=1, stride=2), (2, 4, 7)),
    "transposed2d": (lambda: nn.ConvTranspose2d(4, 6, 3, dilation=2), (2, 4, 7, 5)),
    "transposed3d": (lambda: nn.ConvTranspose3d(4, 6, 2), (2, 4, 3, 4, 5)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2, padding="same"), (2, 4, 7, 5)),
    "depthwise": (lambda: nn.Conv2d(4, 8, 3, 1, 1, 1, 4, padding_mode="reflect"), (2, 4, 7, 5)),
    "grouped transposed": (lambda: nn.ConvTranspose2d(4, 6, 3, groups=2), (2, 4, 7, 5)),
    "weight norm": (lambda: parametrizations.weight_norm(nn.Conv2d(4, 6, 3)), (2, 4, 7, 5)),
    "weight norm by hook": (lambda: weight_norm(nn.Conv2d(4, 6, 3)), (2, 4, 7, 5)),
    "spectral norm": (lambda: parametrizations.spectral_norm(nn.Conv2d(4, 6, 3)), (2, 4, 7, 5)),
    "spectral norm by hook": (lambda: spectral_norm(nn.Conv2d(4, 6, 3)), (2, 4, 7, 5)),
}  # fmt: skip

LAZY = {
    nn.LazyConv1d: 1,
    nn.LazyConv2d: 2,
    nn.LazyConv3d: 3,
    nn.LazyConvTranspose1d: 1,
    nn.LazyConvTranspose2d: 2,
    nn.LazyConvTranspose3d: 3,
}


def model() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 2, 1)
    )


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same_state(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert list(left) == list(right)
    for name, value in left.items():
        torch.testing.assert_close(value, right[name], rtol=0, atol=0)


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("radius", [False, True])
def test_outputs_do_not_change_and_the_new_weights_get_gradients(kind, radius):
    make, shape = PLAIN[kind]
    plain = make().eval()
    input = torch.randn(shape)
    before = plain(input)
    converted = convert(plain, radius=radius)
    assert converted is plain
    torch.testing.assert_close(converted(input), before, rtol=0, atol=0)
    converted(input).square().sum().backward()
    assert converted.coord_weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", PLAIN)
def test_revert_restores_the_state(kind):
    make, _ = PLAIN[kind]
    plain = make()
    before, kind_before = state(plain), type(plain)
    revert(convert(plain))
    assert_same_state(state(plain), before)
    assert type(plain).__name__ == kind_before.__name__
    assert set(vars(plain)) == set(vars(make()))


@pytest.mark.parametrize("kind", PLAIN)
def test_dropping_nonzero_weights_changes_the_outputs(kind):
    make, shape = PLAIN[kind]
    converted, input = convert(make().eval()), torch.randn(shape)
    with torch.no_grad():
        converted.coord_weight.normal_()
    before = converted(input)
    assert not torch.equal(revert(converted, discard=True)(input), before)


@pytest.mark.parametrize("kind", LAZY)
def test_a_lazy_layer_becomes_a_lazy_coordinate_layer_with_zero_weights(kind):
    converted = convert(kind(6, 3))
    input = torch.randn(2, 4, *(5, 6, 7)[: LAZY[kind]])
    converted(input)
    assert isinstance(converted, CoordinateLayer)
    assert not type(converted).__name__.startswith("Lazy")
    assert converted.coord_weight.count_nonzero() == 0
    plain = revert(copy.deepcopy(converted))
    torch.testing.assert_close(plain(input), converted(input), rtol=0, atol=0)


def test_a_lazy_layer_reverts_before_its_first_input():
    plain = revert(convert(nn.LazyConv2d(6, 3)))
    assert type(plain) is nn.LazyConv2d
    assert plain(torch.zeros(1, 4, 5, 5)).shape == (1, 6, 3, 3)
    assert type(plain) is nn.Conv2d


def test_a_shared_layer_stays_one_layer_with_all_its_names_kept():
    shared = nn.Conv2d(4, 4, 3, padding=1)
    both = nn.ModuleDict({"a": nn.Sequential(shared), "b": nn.Sequential(nn.ReLU(), shared)})
    both["alias"] = both["a"]
    found: list[Report] = []
    convert(both, report=found.append)
    assert both["a"][0] is both["b"][1] is both["alias"][0] is shared
    assert type(shared) is CoordConv2d
    [change] = found[0]
    assert change.names == ("a.0", "b.1", "alias.0")
    assert change.added == 4 * 2 * 9


def test_tied_weights_stay_tied():
    tied = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3))
    tied[1].weight = tied[0].weight
    convert(tied, where="all")
    assert tied[1].weight is tied[0].weight
    assert tied[1].coord_weight is not tied[0].coord_weight


def test_hooks_modes_and_frozen_weights_survive():
    net, seen = model().eval(), []
    net[0].register_forward_hook(lambda *_: seen.append("after"))
    net[0].register_forward_pre_hook(lambda *_: seen.append("before"))
    net.requires_grad_(False)
    convert(net)
    net(torch.zeros(1, 3, 9, 9))
    assert seen == ["before", "after"]
    assert not net.training
    assert not net[0].weight.requires_grad
    assert net[0].coord_weight.requires_grad


def test_an_optimizer_continues_with_its_weights():
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    before = [id(one) for one in net.parameters()]
    convert(net, where="all")
    held = [id(one) for group in optimizer.param_groups for one in group["params"]]
    assert held == before
    assert set(before) < {id(one) for one in net.parameters()}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_new_weights_have_the_dtype_of_the_layer(dtype):
    assert convert(model().to(dtype))[0].coord_weight.dtype == dtype


def test_new_weights_have_the_device_and_memory_format_of_the_layer():
    assert convert(model().to("meta"))[0].coord_weight.is_meta
    net = convert(model().to(memory_format=torch.channels_last))
    assert net[0].coord_weight.is_contiguous(memory_format=torch.channels_last)
    assert not net[0].coord_weight.is_contiguous()


class Stem(nn.Module):
    """A convolution whose weight is used without calling the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(F.conv2d(x, self.stem.weight, self.stem.bias))


class NormalizedStem(Stem):
    def __init__(self) -> None:
        super().__init__()
        parametrizations.weight_norm(self.stem)


@pytest.mark.parametrize("make", [Stem, NormalizedStem])
def test_with_an_example_every_converted_layer_gets_a_gradient(make):
    x, found = torch.randn(2, 3, 7, 8), []
    for where in ("first", "stem", ["stem", "body"]):
        net = make()
        with pytest.raises(ValueError, match="'stem': the model reads its parameters but does not"):
            convert(net, where, example=x)
        assert not any(isinstance(one, CoordinateLayer) for one in net.modules())
    net = convert(make(), "all", example=x, report=found.append)
    net(x).square().sum().backward()
    layers = [one for one in net.modules() if isinstance(one, CoordinateLayer)]
    assert layers == [net.body]
    assert net.body.coord_weight.grad.any()
    assert "does not call it" in found[0].skipped[0].reason


def test_a_layer_that_the_example_does_not_reach_is_converted_with_a_warning():
    class Auxiliary(Stem):
        def forward(self, x: Tensor) -> Tensor:
            return self.body(self.stem(x)) if self.training else self.stem(x)

    x = torch.randn(2, 3, 7, 8)
    with pytest.warns(UserWarning, match="does not reach 'body'") as seen:
        net = convert(Auxiliary(), "all", example=x)
    assert seen[0].filename == __file__
    assert isinstance(net.body, CoordConv2d)
    assert net.training


def test_a_layer_that_is_called_and_read_is_converted_without_a_warning():
    class TiedDecoder(Stem):
        def forward(self, x: Tensor) -> Tensor:
            return F.conv_transpose2d(self.stem.forward(x).relu(), self.stem.weight)

    net, x = TiedDecoder(), torch.randn(2, 3, 7, 8)
    output = net(x)
    with warnings.catch_warnings(action="error"):
        convert(net, example=x)
    torch.testing.assert_close(net(x), output, rtol=0, atol=0)


def test_a_second_conversion_does_nothing():
    net, reports = model(), []
    convert(net, where="all")
    with torch.no_grad():
        net[0].coord_weight.normal_()
    before, kinds = state(net), [type(one) for one in net]
    convert(net, where="all", report=reports.append)
    assert_same_state(state(net), before)
    assert [type(one) for one in net] == kinds
    assert {change.reason for change in reports[0]} == {"already a CoordConv layer"}


def test_a_converted_model_is_saved_and_loaded():
    net = convert(model(), where="all", radius=True)
    with torch.no_grad():
        net[3].coord_weight.normal_()
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    other = convert(model(), where="all", radius=True)
    other.load_state_dict(torch.load(file, weights_only=True), strict=True)
    input = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(other.eval()(input), net.eval()(input), rtol=0, atol=0)


def test_an_old_checkpoint_loads_into_the_converted_model():
    old = model()
    net = convert(model(), where="all")
    found = net.load_state_dict(old.state_dict(), strict=False)
    assert found.unexpected_keys == []
    assert all(name.endswith("coord_weight") for name in found.missing_keys)
    input = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(net.eval()(input), old.eval()(input), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("first", [0]),
        ("all", [0, 3, 4]),
        ("3", [3]),
        (["0", "4"], [0, 4]),
        ("[34]", [3, 4]),
        ("*", [0, 3, 4]),
        (lambda name, module: module.kernel_size == (1, 1), [4]),
    ],
)
def test_where_selects_the_matching_convolutions(where, chosen):
    net = convert(model(), where=where)
    assert [at for at, one in enumerate(net) if isinstance(one, CoordinateLayer)] == chosen


def test_detector_selects_the_laterals_and_the_first_convolution_of_each_head():
    detector = nn.ModuleDict(
        {
            "backbone": nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)),
            "fpn": nn.ModuleDict({"lateral": nn.Conv2d(8, 8, 1), "smooth": nn.Conv2d(8, 8, 3)}),
            "bbox_head": nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 4, 3)),
            "mask_head": nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 1, 3)),
        }
    )
    convert(detector, where="detector")
    found = [name for name, one in detector.named_modules() if isinstance(one, CoordinateLayer)]
    assert found == ["fpn.lateral", "bbox_head.0", "mask_head.0"]


class Standardized(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.conv2d(input, self.weight / self.weight.std(), self.bias)


def _replaced() -> nn.Conv2d:
    layer = nn.Conv2d(3, 8, 3)
    layer.forward = lambda input: input
    return layer


def _trained_for_quantization() -> nn.Module:
    settings = torch.ao.quantization.default_qat_qconfig
    return torch.ao.nn.qat.Conv2d(3, 8, 3, qconfig=settings)


def _integers() -> nn.Conv2d:
    layer = nn.Conv2d(3, 8, 3)
    layer.weight = nn.Parameter(layer.weight.to(torch.int8), requires_grad=False)
    return layer


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (lambda: Standardized(3, 8, 3), "custom convolution"),
        (lambda: torch.ao.nn.quantized.Conv2d(3, 8, 3), "quantized"),
        (_trained_for_quantization, "quantized"),
        (_replaced, "its forward was replaced"),
        (_integers, "torch.int8"),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_converted_raises_an_error_and_nothing_changes(layer, said):
    net = nn.Sequential(layer(), nn.Conv2d(8, 2, 1))
    with pytest.raises(ValueError, match=said):
        convert(net, where=["0", "1"])
    assert not any(isinstance(one, CoordinateLayer) for one in net.modules())


def test_all_skips_it_with_the_reason_in_the_report():
    net, reports = nn.Sequential(Standardized(3, 8, 3), nn.Conv2d(8, 2, 1)), []
    convert(net, where="all", report=reports.append)
    assert type(net[0]) is Standardized
    assert type(net[1]) is CoordConv2d
    assert [change.name for change in reports[0].skipped] == ["0"]
    assert "skipped: " in str(reports[0])
    assert "custom convolution" in str(reports[0])
    with pytest.raises(ValueError, match="custom convolution"):
        convert(nn.Sequential(Standardized(3, 8, 3)), where="all")


def test_first_does_not_fall_back_to_the_second_layer():
    with pytest.raises(ValueError, match="'0'"):
        convert(nn.Sequential(Standardized(3, 8, 3), nn.Conv2d(8, 2, 1)))


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"where": "stem.conv"}, ValueError, "no convolution of the model is named 'stem.conv'"),
        ({"where": "3."}, ValueError, "did you mean '3'"),
        ({"where": []}, ValueError, "`where` is empty"),
        ({"where": 3}, TypeError, "`where` must be"),
        ({"where": [3]}, TypeError, "`where` must be"),
        ({"where": lambda name, module: False}, ValueError, "returned False for all convolutions"),
        ({"where": "detector"}, ValueError, "matches no convolution"),
        ({"radius": 1}, TypeError, "`radius` must be True or False"),
        ({"convention": "latin"}, ValueError, "presets"),
        ({"coord_kernel_size": 5}, ValueError, "`coord_kernel_size` must be between"),
        (
            {"where": "all", "coord_kernel_size": 3},
            ValueError,
            "`coord_kernel_size` must be between",
        ),
    ],
)
def test_an_invalid_argument_is_named_and_nothing_changes(arguments, error, said):
    net = model()
    before = state(net)
    with pytest.raises(error, match=said):
        convert(net, **arguments)
    assert_same_state(state(net), before)
    assert [type(one) for one in net] == [type(one) for one in model()]


def test_a_model_without_convolutions_raises_an_error():
    with pytest.raises(ValueError, match="the model has no convolution"):
        convert(nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module"):
        convert([nn.Conv2d(1, 1, 1)])  # pyright: ignore[reportArgumentType]


def test_the_numbers_of_the_report_add_up():
    net, reports = model(), []
    before = sum(one.numel() for one in net.parameters())
    convert(net, where="all", radius=True, report=reports.append)
    [report] = reports
    after = sum(one.numel() for one in net.parameters())
    assert sum(change.added for change in report) == after - before
    assert [change.parameters for change in report] == [224, 584, 18]
    assert f"3 of 3 convolutions changed, +{after - before:,} parameters" in str(report)


def test_nonzero_weights_are_not_dropped_by_default():
    net = convert(model(), where="all")
    with torch.no_grad():
        net[3].coord_weight[0, 0] = -0.25
    before = state(net)
    with pytest.raises(ValueError, match=r"'3' \(up to 0.25\) are not zero"):
        revert(net)
    assert_same_state(state(net), before)
    assert isinstance(net[0], CoordinateLayer)
    assert_same_state(
        state(revert(net, discard=True)), {k: v for k, v in before.items() if "coord" not in k}
    )


def test_a_custom_subclass_is_not_reverted():
    class Scaled(CoordConv2d):
        pass

    with pytest.raises(ValueError, match="custom subclasses are not supported"):
        revert(nn.Sequential(Scaled(1, 1, 1)), discard=True)


@pytest.mark.parametrize("where", [0, 1])
def test_parametrized_coordinate_weights_raise_an_error_and_nothing_changes(where):
    net = convert(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)), "all")
    if where:
        parametrizations.spectral_norm(net[1], "coord_weight")
    else:
        prune.l1_unstructured(net[0], "coord_weight", 0.5)
    before, classes = state(net), [type(module) for module in net]
    with pytest.raises(ValueError, match=f"cannot revert '{where}'.*parametrized or pruned"):
        revert(net, discard=True)
    assert_same_state(state(net), before)
    assert [type(module) for module in net] == classes


def test_arguments_of_wrong_types_raise_errors_before_anything_changes():
    with pytest.raises(TypeError, match=r"torch\.nn\.Module, got NoneType"):
        revert(None)
    net = model()
    for wrong in ({"tell": 3}, {"coord_kernel_size": 1.5}, {"coord_kernel_size": "1"}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            convert(net, **wrong)
        assert type(net[0]) is nn.Conv2d


@pytest.mark.parametrize("unknown", ["raise", "in_front"])
def test_names_may_come_from_an_iterator(unknown):
    net = convert(model(), (name for name in ("0", "4")), unknown=unknown)
    assert [isinstance(net[at], CoordinateLayer) for at in (0, 3, 4)] == [True, False, True]


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.Identity])
def test_a_class_does_not_select_layers(kind):
    net = model()
    with pytest.raises(TypeError, match=r"`where` must be .* a function of a name"):
        convert(net, kind)
    assert not any(isinstance(one, CoordinateLayer) for one in net)


@pytest.mark.parametrize("size", [(1, 3, 9, 8), [1, 3, 9, 8], torch.Size([1, 3, 9, 8])])
def test_a_size_is_not_an_example(size):
    with pytest.raises(TypeError, match=r"`example` must be inputs .* got the size \(1, 3, 9, 8\)"):
        convert(model(), example=size)
