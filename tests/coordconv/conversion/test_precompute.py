"""A precomputed model computes the same with plain convolutions and constant maps, at its size."""

import copy
import pickle
import threading

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

import coordconv
from coordconv import CoordConv2d, convert, precompute, revert
from coordconv.layers.coordinates import CoordinateLayer
from tests.coordconv.conversion.test_convert import PLAIN, model, state

NORMED_BY_HOOK = {"weight norm by hook", "spectral norm by hook"}


def with_random_coordinates(net: nn.Module) -> nn.Module:
    for module in net.modules():
        if isinstance(module, CoordinateLayer) and not is_lazy(module.coord_weight):
            nn.init.normal_(module.coord_weight)
    return net.eval()


@pytest.mark.parametrize("kind", sorted(set(PLAIN) - NORMED_BY_HOOK))
@pytest.mark.parametrize("convention", ["paper", "pixels"])
def test_a_folded_model_computes_the_same_for_every_batch_size(kind, convention):
    make, shape = PLAIN[kind]
    layer = with_random_coordinates(convert(make(), radius=True, convention=convention))
    precomputed = precompute(layer, torch.zeros(shape))
    assert not isinstance(precomputed, CoordinateLayer)
    for input in (torch.randn(5, *shape[1:]), torch.randn(shape[1:])):
        torch.testing.assert_close(precomputed(input), layer(input), rtol=1e-5, atol=1e-4)


def test_the_model_and_its_modes_do_not_change():
    net = with_random_coordinates(convert(model(), where="all")).train()
    net[1].eval()
    before, modes = state(net), [one.training for one in net.modules()]
    precomputed = precompute(net, torch.randn(2, 3, 9, 8))
    assert all(torch.equal(value, before[name]) for name, value in state(net).items())
    assert [one.training for one in net.modules()] == modes
    assert [one.training for one in precomputed.modules()] == modes
    input = torch.randn(2, 3, 9, 8)
    torch.testing.assert_close(precomputed.eval()(input), net.eval()(input), rtol=1e-4, atol=1e-4)


def test_a_layer_with_inputs_of_several_sizes_has_a_map_for_each():
    class Pyramid(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = CoordConv2d(2, 3, 3, padding=1)

        def forward(self, input: Tensor) -> list[Tensor]:
            return [self.head(input), self.head(input[..., ::2, ::2])]

    net = Pyramid()
    precomputed = precompute(net, torch.zeros(1, 2, 8, 6))
    assert "sizes=8 x 6, 4 x 3" in repr(precomputed)
    input = torch.randn(4, 2, 8, 6)
    for one, other in zip(precomputed(input), net(input), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_another_size_raises_an_error_with_both_sizes():
    precomputed = precompute(CoordConv2d(2, 3, 3), torch.zeros(1, 2, 8, 6))
    with pytest.raises(ValueError, match=r"size 8 x 6, got 6 x 8; precompute the model again"):
        precomputed(torch.zeros(1, 2, 6, 8))


def test_an_initialized_lazy_layer_is_folded():
    net = with_random_coordinates(nn.Sequential(coordconv.LazyCoordConv2d(3, 3)))
    input = torch.randn(2, 4, 8, 6)
    net(input)
    torch.testing.assert_close(precompute(net, input)(input), net(input), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lazy", [lambda: coordconv.LazyCoordConv2d(4, 3), nn.LazyBatchNorm2d])
def test_a_lazy_layer_without_weights_raises_an_error_and_draws_none(lazy):
    net = nn.Sequential(CoordConv2d(3, 4, 3), lazy())
    with pytest.raises(ValueError, match=r"'1.weight'.*call the model once first"):
        precompute(net, torch.zeros(1, 3, 9, 9))
    assert is_lazy(net[1].weight)


def test_windows_and_unreached_layers_raise_errors():
    class Cropped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = CoordConv2d(2, 3, 3)

        def forward(self, input: Tensor) -> Tensor:
            return self.layer(input, window=((0, 0), (20, 20)))

    with pytest.raises(ValueError, match="'layer': it is called with window"):
        precompute(Cropped(), torch.zeros(1, 2, 8, 6))
    unused = nn.ModuleDict({"used": nn.Conv2d(1, 1, 1), "unused": CoordConv2d(1, 1, 1)})
    unused.forward = lambda input: unused["used"](input)
    with pytest.raises(ValueError, match="does not reach 'unused'"):
        precompute(unused, torch.zeros(1, 1, 2, 2))


def test_a_folded_model_can_be_copied_pickled_and_loaded():
    net = with_random_coordinates(convert(model()))
    precomputed = precompute(net, torch.zeros(1, 3, 9, 8)).eval()
    input = torch.randn(2, 3, 9, 8)
    for other in (copy.deepcopy(precomputed), pickle.loads(pickle.dumps(precomputed))):
        torch.testing.assert_close(other(input), precomputed(input), rtol=0, atol=0)
    blank = precompute(convert(model()), torch.zeros(1, 3, 9, 8)).eval()
    blank.load_state_dict(precomputed.state_dict(), strict=True)
    torch.testing.assert_close(blank(input), precomputed(input), rtol=0, atol=0)


def test_a_folded_model_has_no_coordinate_parameters():
    net = with_random_coordinates(convert(model(), where="all"))
    precomputed = precompute(net, torch.zeros(1, 3, 9, 8))
    plain = revert(copy.deepcopy(net), discard=True)
    assert set(dict(precomputed.named_parameters())) == set(dict(plain.named_parameters()))


@pytest.mark.parametrize("discard", [False, True])
def test_a_folded_model_is_not_reverted(discard):
    precomputed = precompute(convert(model()), torch.zeros(1, 3, 9, 8))
    with pytest.raises(ValueError, match="cannot revert '0': precomputed layers"):
        revert(precomputed, discard=discard)


def test_the_conversions_are_public():
    assert {"convert", "precompute", "revert"} <= set(coordconv.__all__)


@pytest.mark.parametrize(
    "hook",
    [
        lambda layer: layer.register_forward_hook(lambda *parts: parts[2] + 1),
        lambda layer: layer.register_forward_hook(lambda *parts: parts[2] * 2),
        lambda layer: layer.register_forward_pre_hook(
            lambda _, inputs: nn.functional.pad(inputs[0], (1, 2, 0, 1))
        ),
    ],
    ids=["adds", "doubles", "pads"],
)
def test_a_hook_is_applied_once(hook):
    net, input = nn.Sequential(CoordConv2d(3, 8, 3)), torch.randn(2, 3, 9, 8)
    hook(net[0])
    torch.testing.assert_close(precompute(net, input)(input), net(input), rtol=1e-5, atol=1e-5)


def test_a_model_that_cannot_be_copied_raises_an_error():
    net = nn.Sequential(torch.nn.utils.weight_norm(CoordConv2d(3, 4, 1)))
    net(torch.randn(1, 3, 5, 5))
    with pytest.raises(ValueError, match="cannot be copied"):
        precompute(net, torch.randn(1, 3, 5, 5))
    net = nn.Sequential(CoordConv2d(3, 4, 1))
    net.lock = threading.Lock()
    with pytest.raises(ValueError, match=r"cannot be copied \(TypeError: .*lock.*\); remove"):
        precompute(net, torch.randn(1, 3, 5, 5))
    with pytest.raises(TypeError, match=r"torch\.nn\.Module"):
        precompute(None, torch.randn(1, 3, 5, 5))
    with pytest.raises(TypeError, match="pass `example` as you would call the model"):
        precompute(nn.Sequential(CoordConv2d(3, 4, 1)), (17, 23))


def test_the_map_is_as_exact_under_autocast_as_without():
    net, input = nn.Sequential(CoordConv2d(3, 8, 3)), torch.randn(2, 3, 9, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        precomputed = precompute(net, input)
    torch.testing.assert_close(precomputed(input), net(input), rtol=1e-5, atol=1e-5)


class Activated(nn.Conv2d):
    """A convolution with a custom ``forward``, whose coordinates are added to its input."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).tanh()


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("cast", ["weights", "input"])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d, Activated])
def test_under_autocast_a_folded_model_has_the_dtype_of_the_model(kind, cast, traced):
    net = nn.Sequential(nn.Conv2d(3, 3, 1), kind(3, 8, 3))
    net = with_random_coordinates(convert(net, "1", unknown="in_front"))
    input = torch.randn(2, 3, 9, 8)
    precomputed, exact = precompute(net, input), net(input)
    if cast == "input":
        net, precomputed, input = net[1], precomputed[1], input.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False), torch.no_grad():
        if traced:
            precomputed = torch.jit.trace(precomputed, input)
        expected, output = net(input), precomputed(input)
    assert output.dtype == expected.dtype == torch.bfloat16
    scale = exact.abs().max().item()
    torch.testing.assert_close(
        output, expected, rtol=0, atol=2 * torch.finfo(torch.bfloat16).eps * scale
    )
