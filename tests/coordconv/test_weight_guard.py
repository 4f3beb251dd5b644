"""A layer only raises an error if its weight was scaled without its coordinate weights."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import prune

from coordconv import (
    CoordConv2d,
    CoordConvTranspose2d,
    convert,
    coordinate_grid,
    precompute,
)
from coordconv.conversion import register_convolution

X = torch.randn(2, 3, 5, 6)


def layer(**options) -> CoordConv2d:
    return CoordConv2d(3, 4, 3, **options).eval()


def double(module: nn.Module) -> None:
    with torch.no_grad():
        module.weight.mul_(2)


@pytest.mark.parametrize(
    "prepare",
    [
        lambda one: one(X) is not None and one,
        lambda one: one.train().eval(),
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
        lambda one: one.load_state_dict(layer().state_dict()) and one,
        lambda one: one.double().float(),
    ],
    ids=["called", "trained", "copied", "pickled", "loaded", "cast"],
)
@pytest.mark.parametrize("kind", [CoordConv2d, CoordConvTranspose2d])
def test_a_weight_scaled_in_place_raises_an_error_until_it_is_trusted(prepare, kind):
    one = kind(3, 4, 3).eval()
    one(X)
    if prepare.__name__ == "<lambda>" and kind is CoordConvTranspose2d:
        one.load_state_dict(one.state_dict())
    else:
        one = prepare(one)
    double(one)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="decompose"):
            one(X)
    one.trust_weights()
    one(X)


def test_a_converted_layer_is_checked_before_its_first_call():
    model = nn.Sequential(nn.Conv2d(3, 4, 3)).eval()
    convert(model)
    state = model.state_dict()
    state["0.coord_weight"] = torch.randn(4, 2, 3, 3)
    model.load_state_dict(state)
    double(model[0])
    with pytest.raises(RuntimeError, match="scaled"):
        model(X)


def test_a_weight_scaled_in_training_mode_raises_an_error_in_evaluation():
    model = convert(nn.Sequential(nn.Conv2d(3, 4, 3)))
    state = model.state_dict()
    state["0.coord_weight"] = torch.randn(4, 2, 3, 3)
    model.load_state_dict(state)
    double(model[0])
    with pytest.raises(RuntimeError, match="scaled"):
        model.eval()(X)


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("kind", [CoordConv2d, CoordConvTranspose2d])
@pytest.mark.parametrize("form", ["layer", "precomputed"])
def test_a_key_that_is_not_in_a_checkpoint_keeps_its_value(assign, kind, form):
    one = kind(3, 4, 3).eval()
    one = one if form == "layer" else precompute(one, X)
    state = {name: 2 * value for name, value in one.state_dict().items()}
    missing = [name for name in state if name.startswith("coord_")]
    before = one.state_dict()[missing[0]].clone()
    del state[missing[0]]
    assert one.load_state_dict(state, strict=False, assign=assign).missing_keys == missing
    torch.testing.assert_close(one.state_dict()[missing[0]], before, rtol=0, atol=0)
    torch.testing.assert_close(one.weight.detach(), state["weight"], rtol=0, atol=0)
    one(X)
    double(one)
    with pytest.raises(RuntimeError, match="decompose"):  # The guard is active again.
        one(X)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: nn.init.normal_(one.weight),
        lambda one: [p.data.mul_(2) for p in one.parameters()],
        lambda one: one.weight.data.add_(torch.randn_like(one.weight)),
        lambda one: one.load_state_dict({k: 2 * v for k, v in one.state_dict().items()}),
        lambda one: prune.l1_unstructured(one, "weight", 0.3),
        lambda one: one.half().float(),
        lambda one: one.bias.data.mul_(2),
        lambda one: one.coord_weight.data.zero_(),
    ],
    ids=["drawn", "both", "added", "loaded", "pruned", "half", "bias", "dropped"],
)
def test_other_changes_of_weights_raise_no_error(change):
    one = layer()
    one(X)
    with torch.no_grad():
        change(one)
    one(X)
    if one.coord_weight.count_nonzero() == 0:
        double(one)
    one(X)


def test_training_in_evaluation_mode_raises_no_error():
    for shape in ((3, 1, 3), (3, 4, 3), (1, 4, 1)):
        one = CoordConv2d(*shape).eval()
        optimizer = torch.optim.SGD(one.parameters(), lr=0.01, weight_decay=0.1)
        for _ in range(20):
            optimizer.zero_grad()
            one(torch.randn(2, shape[0], 5, 6)).square().mean().backward()
            optimizer.step()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("switches", [False, True])
def test_weight_decay_of_a_layer_that_only_trains_its_coordinates_raises_no_error(fused, switches):
    """With inputs of zero, as from dead units, the weight has no gradient and only decays."""
    one = layer()
    one(X)
    optimizer = torch.optim.AdamW(one.parameters(), lr=0.1, weight_decay=0.5, fused=fused)
    for _ in range(3):
        one.train(switches)
        optimizer.zero_grad()
        one(0 * X).square().mean().backward()
        optimizer.step()
        one.eval()(X)


def test_a_layer_changed_only_by_weight_decay_raises_no_error():
    one = layer()
    one(X)
    optimizer = torch.optim.AdamW(one.train().parameters(), lr=0.1, weight_decay=0.5)
    for _ in range(5):
        optimizer.zero_grad()
        one(0 * X).square().mean().backward()
        optimizer.step()
    one.eval()(X)


def test_a_scaled_channel_with_one_weight_raises_an_error():
    one = CoordConv2d(1, 4, 1).eval()
    one(X[:, :1])
    double(one)
    with pytest.raises(RuntimeError, match="scaled"):
        one(X[:, :1])


def test_weight_decay_of_an_unused_layer_raises_no_error():
    one = layer()
    one(X)
    with torch.no_grad():
        one.weight.mul_(1 - 2e-6)
        one.coord_weight.mul_(1 + 3e-6)
    one(X)


def test_an_unrelated_new_weight_does_not_change_the_coordinates():
    one, before = layer(), None
    before = one.coord_weight.detach().clone()
    one.weight = nn.Parameter(torch.randn_like(one.weight))
    assert torch.equal(one.coord_weight, before)
    one(X)


@pytest.mark.parametrize("form", ["layer", "precomputed"])
def test_a_new_weight_of_zeros_raises_an_error_and_keeps_the_coordinates(form):
    one = layer() if form == "layer" else precompute(layer(), X)
    coordinates = {
        name: value.clone() for name, value in one.state_dict().items() if "coord" in name
    }
    one.weight = nn.Parameter(torch.zeros_like(one.weight))
    with pytest.raises(RuntimeError, match="call trust_weights"):
        one(X)
    for name, value in coordinates.items():
        assert value.any()
        assert torch.equal(one.state_dict()[name], value)
    one.trust_weights()
    one(X)


def test_an_ambiguous_new_weight_with_one_weight_per_channel_raises_an_error():
    one = CoordConv2d(1, 4, 1).eval()
    one.weight = nn.Parameter(torch.randn_like(one.weight))
    with pytest.raises(RuntimeError, match="trust_weights"):
        one(X[:, :1])
    one.coord_weight = nn.Parameter(torch.randn_like(one.coord_weight))
    one(X[:, :1])


def steps(module: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
    for _ in range(count):
        optimizer.zero_grad()
        module(X).square().mean().backward()
        optimizer.step()


def test_coordinate_weights_without_an_optimizer_warn_once():
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    convert(model)
    with pytest.warns(UserWarning, match="optimizer=optimizer") as found:
        steps(model, optimizer, 20)
    assert len([one for one in found if "coord_weight" in str(one.message)]) == 1


@pytest.mark.parametrize("accumulated", [1, 3])
@pytest.mark.parametrize("frozen", ["nothing", "weight", "coord_weight"])
def test_correct_training_does_not_warn(accumulated, frozen):
    one = CoordConv2d(3, 4, 3)
    if frozen != "nothing":
        getattr(one, frozen).requires_grad_(False)
    optimizer = torch.optim.AdamW(one.parameters(), lr=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in range(20):
            one(X).square().mean().backward()
            if step % accumulated == 0:
                optimizer.step()
                optimizer.zero_grad()


def test_scaling_weight_and_coordinate_weights_together_raises_no_error():
    one = convert(nn.Sequential(nn.Conv2d(3, 4, 3))).eval()
    with torch.no_grad():
        one[0].coord_weight.uniform_(-1, 1)
    one(X)
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.mul_(0.5)
    one(X)


def test_a_weight_scaled_for_one_call_raises_no_error_later():
    one = layer()
    expected = one(X)
    with pytest.raises(RuntimeError, match="decompose"):
        torch.func.functional_call(one, {"weight": 2 * one.weight}, (X,))
    torch.testing.assert_close(one(X), expected, rtol=0, atol=0)
    scaled = {name: 2 * tensor for name, tensor in one.named_parameters()}
    torch.testing.assert_close(torch.func.functional_call(one, scaled, (X,)), 2 * expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_weights_of_every_type_are_checked_under_autocast(dtype):
    layer, x = CoordConv2d(2, 3, 3, dtype=dtype).eval(), torch.randn(1, 2, 5, 6, dtype=dtype)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == nn.functional.conv2d(x, layer.weight).dtype


def _by_setattr(one: nn.Module, weights: dict[str, nn.Parameter]) -> None:
    for name, weight in weights.items():
        setattr(one, name, weight)


def _by_setattr_in_alphabetical_order(one: nn.Module, weights: dict[str, nn.Parameter]) -> None:
    _by_setattr(one, dict(sorted(weights.items())))


def _by_loading(one: nn.Module, weights: dict[str, nn.Parameter]) -> None:
    one.load_state_dict(weights, assign=True)


@pytest.mark.parametrize("swap", [_by_setattr, _by_setattr_in_alphabetical_order, _by_loading])
@pytest.mark.parametrize("is_called", [False, True])
@pytest.mark.parametrize("kind", [CoordConv2d, CoordConvTranspose2d])
def test_weights_can_be_swapped_for_multiples_and_restored(swap, is_called, kind):
    """A moving average can be an exact multiple, for example after weight decay."""
    one = kind(3, 4, 3).eval()
    before = one(X)
    backup = dict(one.named_parameters())
    half = {name: nn.Parameter(weight.detach() / 2) for name, weight in backup.items()}
    swap(one, half)
    if is_called:
        torch.testing.assert_close(one(X), before / 2)
    swap(one, backup)
    assert torch.equal(one(X), before)


def test_scaling_for_an_assigned_weight_changes_no_other_layer():
    one, other = layer(), layer()
    other.load_state_dict(one.state_dict(), assign=True)  # they share memory
    before = one(X)
    other.weight = nn.Parameter(other.weight.detach() * 2)
    other.bias = nn.Parameter(other.bias.detach() * 2)
    assert torch.equal(one(X), before)
    torch.testing.assert_close(other(X), 2 * before)


def test_new_coordinate_weights_and_a_scaled_weight_without_a_call_raise_an_error():
    one = layer()
    one.coord_weight = nn.Parameter(torch.randn_like(one.coord_weight))
    one.weight = nn.Parameter(one.weight.detach() * 2)
    with pytest.raises(RuntimeError, match="trust_weights"):
        one(X)
    one.trust_weights()
    one(X)


SMALL = [(torch.float32, 10.0**-power) for power in (1, 10, 18, 20, 22, 25, 30)]
SMALL += [(torch.float16, 10.0**-power) for power in (1, 3, 4)]


@pytest.mark.parametrize(("dtype", "size"), SMALL)
@pytest.mark.parametrize("in_place", [False, True])
def test_a_channel_that_weight_decay_made_small_does_not_hide_scaled_channels(
    dtype, size, in_place
):
    one = CoordConv2d(3, 8, 3).to(dtype).eval()
    with torch.no_grad():
        one.weight[2] *= size / one.weight[2].abs().max()
    one.trust_weights()
    x = X.to(dtype)
    before, factors = one(x), torch.linspace(0.5, 2, 8, dtype=dtype).view(-1, 1, 1, 1)
    with torch.no_grad():
        one.bias.mul_(factors.flatten())
        if in_place:
            one.weight.mul_(factors)
            with pytest.raises(RuntimeError, match="decompose"):
                one(x)
        else:
            one.weight = nn.Parameter(one.weight * factors)
            tolerance = 20 * torch.finfo(dtype).eps
            expected = before * factors.view(1, -1, 1, 1)
            torch.testing.assert_close(one(x), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 1e-36), (torch.float16, 1e-5)])
def test_a_factor_that_cannot_be_determined_raises_an_error(dtype, size):
    one = CoordConv2d(3, 8, 3).to(dtype).eval()
    with torch.no_grad():
        one.weight[2] *= size
    one.trust_weights()
    one.weight = nn.Parameter(one.weight.detach() * 2)
    with pytest.raises(RuntimeError, match="decompose"):
        one(X.to(dtype))


@pytest.mark.parametrize("training", [False, True])
def test_a_layer_that_was_made_in_inference_mode_can_be_cast_and_called(training):
    with torch.inference_mode():
        one, plain = layer().train(training), nn.Conv2d(3, 4, 3).eval()
    one.double()
    with torch.no_grad():
        assert one(X.double()).dtype == torch.float64
    plain.double()
    convert(plain)


def test_a_layer_in_evaluation_mode_can_be_recorded_by_make_fx():
    one = layer()
    one(X)
    graph = make_fx(lambda x: one(x))(X)
    torch.testing.assert_close(graph(2 * X), one(2 * X))


@pytest.mark.parametrize("options", [(1, 4, 1), (4, 4, 1, 1, 0, 1, 4)], ids=["first", "depthwise"])
def test_training_the_only_weight_of_each_channel_raises_no_error(options):
    """With frozen coordinate weights, as the warning about untrained ones suggests."""
    one = CoordConv2d(*options)
    one.coord_weight.requires_grad_(False)
    optimizer = torch.optim.SGD(one.parameters(), lr=0.1)
    x = torch.randn(2, options[0], 5, 6)
    for _ in range(2):
        one.train()
        optimizer.zero_grad()
        one(x).square().mean().backward()
        optimizer.step()
        one.eval()(x)
    double(one)
    with pytest.raises(RuntimeError, match="scaled"):
        one(x)


class LimitedNorm(nn.Conv2d):
    """Limits the norm of each filter in its ``forward``, as in EEGNet."""

    def forward(self, input):
        self.weight.data = torch.renorm(self.weight.data, 2, 0, maxnorm=0.5)
        return super().forward(input)


@pytest.mark.parametrize("form", ["layer", "precomputed"])
def test_a_forward_that_scales_its_own_weight_raises_no_error_but_another_tool_does(form):
    register_convolution(LimitedNorm)
    one = convert(LimitedNorm(3, 4, 3))
    with torch.no_grad():
        one.weight.mul_(9)
        nn.init.normal_(one.coord_weight)
    one.eval()
    plain = LimitedNorm(3, 4, 3)
    plain.load_state_dict({"weight": one.weight, "bias": one.bias})
    grid = coordinate_grid((5, 6))[None]
    expected = plain(X) + nn.functional.conv2d(grid, one.coord_weight)
    one.trust_weights()
    if form == "precomputed":
        one = precompute(one, X)
    for _ in range(3):
        torch.testing.assert_close(one(X), expected)
    double(one)
    with pytest.raises(RuntimeError, match="scaled"):
        one(X)
