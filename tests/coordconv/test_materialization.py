"""Layers created on the meta device get coordinate weights of zero when they are materialized.

Uninitialized memory is filled with NaN, so that it is not zero by chance.
"""

import copy
import pickle

import pytest
import torch
from torch import nn

from coordconv import convert
from coordconv import layers as all_layers
from coordconv.conversion import register_convolution
from coordconv.layers.materialization import coordinate_parameter

RANKS = {name: int(name[-2]) for name in all_layers.__all__ if name.startswith("CoordConv")}
PLAIN = [nn.Conv1d, nn.Conv2d, nn.Conv3d]
PLAIN += [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]


@pytest.fixture(autouse=True)
def _nan_in_uninitialized_memory():
    fill, before = torch.utils.deterministic, torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert fill.fill_uninitialized_memory
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(before)


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return getattr(all_layers, name)(4, 6, 3, radius=True)


@pytest.mark.parametrize("name", RANKS)
def test_to_empty_gives_zero_coordinate_weights(name):
    layer = on_meta(name).to_empty(device="cpu")
    assert layer.weight.isnan().all()  # As documented by torch.
    assert layer.coord_weight.count_nonzero() == 0


@pytest.mark.parametrize("name", RANKS)
def test_empty_like_gives_zero_coordinate_weights(name):
    layer = on_meta(name)
    value = torch.empty_like(layer.coord_weight, device="cpu", dtype=torch.float64)
    assert type(value) is torch.Tensor
    assert (value.dtype, value.shape) == (torch.float64, layer.coord_weight.shape)
    assert value.count_nonzero() == 0
    assert torch.empty_like(layer.weight, device="cpu").isnan().all()


@pytest.mark.parametrize("name", RANKS)
def test_skip_init_gives_zero_coordinate_weights(name):
    kind = getattr(all_layers, name)
    layer = nn.utils.skip_init(kind, 4, 6, 3)
    plain = getattr(nn, name.removeprefix("Coord"))(4, 6, 3)
    assert layer.load_state_dict(plain.state_dict(), strict=False).missing_keys == ["coord_weight"]
    x = torch.randn(2, 4, *(5, 6, 7)[: RANKS[name]])
    torch.testing.assert_close(layer(x), plain(x), rtol=0, atol=0)


def test_a_model_moved_to_the_meta_device_gets_zero_coordinate_weights():
    model = convert(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)), "all").to("meta")
    model.to_empty(device="cpu")
    assert all(layer.coord_weight.count_nonzero() == 0 for layer in model)


@pytest.mark.parametrize("skipping", ["kaiming_uniform_"])
def test_a_layer_whose_initialization_is_skipped_has_zero_coordinate_weights(monkeypatch, skipping):
    monkeypatch.setattr(nn.init, skipping, lambda tensor, **_: tensor)
    for name in RANKS:
        assert getattr(all_layers, name)(4, 6, 3).coord_weight.count_nonzero() == 0


def test_loaded_values_replace_the_parameter_on_the_meta_device():
    source = all_layers.CoordConv2d(4, 6, 3)
    layer = copy.deepcopy(on_meta("CoordConv2d"))
    with torch.device("meta"):
        layer = all_layers.CoordConv2d(4, 6, 3)
    layer.load_state_dict(source.state_dict(), assign=True)
    assert type(layer.coord_weight) is nn.Parameter
    assert torch.equal(layer.coord_weight, source.coord_weight)


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("method", ["auto", "separate", "concatenate"])
def test_weights_left_on_the_meta_device_raise_an_error(kind, kernel, method):
    with torch.device("meta"):
        layer = convert(kind(4, 6, kernel))
    layer.method = method
    x = torch.randn(2, 4, *(5, 6, 7)[: layer.coord_weight.dim() - 2])
    layer.load_state_dict(kind(4, 6, kernel).state_dict(), strict=False, assign=True)
    for coord_weight in (layer.coord_weight, nn.Parameter(layer.coord_weight.detach())):
        layer.coord_weight = coord_weight
        with pytest.raises(RuntimeError, match="coord_weight is on the meta device"):
            layer(x)
    with pytest.raises(RuntimeError, match="weight is on the meta device"):
        layer.to("meta")(x)
    assert layer(x.to("meta")).is_meta


class Activated(nn.Conv2d):
    def forward(self, input):
        return super().forward(input).tanh()


@register_convolution
class Doubled(nn.Conv2d):
    def forward(self, input):
        return self._conv_forward(input, 2 * self.weight, self.bias)


@pytest.mark.parametrize("kind", [nn.Conv2d, Activated, Doubled])
def test_no_parameter_that_a_checkpoint_lacks_is_read_from_the_meta_device(kind):
    with torch.device("meta"):
        model = convert(nn.Sequential(kind(3, 4, 3)), "0", unknown="in_front")
    plain = nn.Sequential(kind(3, 4, 3))
    model.load_state_dict(plain.state_dict(), strict=False, assign=True)
    with pytest.raises(RuntimeError, match="coord_weight is on the meta device"):
        model(torch.randn(2, 3, 5, 6))


@pytest.mark.parametrize("trained", [False, True])
def test_a_bias_left_on_the_meta_device_raises_an_error_after_the_same_call_with_a_bias(trained):
    layer, x = convert(nn.Conv2d(3, 4, 3)), torch.randn(2, 3, 5, 6)
    with torch.set_grad_enabled(trained):
        layer(x)
        layer.bias = nn.Parameter(layer.bias.to("meta"))
        with pytest.raises(RuntimeError, match="bias is on the meta device"):
            layer(x)


def test_copies_and_pickles_of_a_layer_on_the_meta_device_are_on_the_meta_device():
    layer = on_meta("CoordConv2d")
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert again.coord_weight.is_meta
        assert again.to_empty(device="cpu").coord_weight.count_nonzero() == 0


def test_on_other_devices_the_parameter_is_an_ordinary_one():
    assert type(coordinate_parameter(torch.zeros(2))) is nn.Parameter
    with torch.device("meta"):
        special = type(coordinate_parameter(torch.zeros(2)))
    assert special is not nn.Parameter
    assert type(special(torch.zeros(2), requires_grad=False)) is nn.Parameter


@pytest.mark.parametrize("kind", PLAIN)
def test_a_converted_layer_is_reset_to_the_plain_layer(kind):
    plain = kind(4, 6, 3)
    layer = convert(kind(4, 6, 3), radius=True)
    nn.init.normal_(layer.coord_weight)
    for module in (plain, layer):
        torch.manual_seed(3)
        module.reset_parameters()
    assert layer.coord_weight.count_nonzero() == 0
    assert torch.equal(layer.weight, plain.weight)
    assert torch.equal(layer.bias, plain.bias)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_converted_layer_on_the_meta_device_is_initialized_like_the_plain_layer(kind):
    with torch.device("meta"):
        layer = convert(kind(4, 6, 3))
    torch.manual_seed(3)
    layer.to_empty(device="cpu").reset_parameters()
    torch.manual_seed(3)
    x = torch.randn(2, 4, *(5, 6, 7)[: layer.coord_weight.dim() - 2])
    torch.manual_seed(3)
    plain = kind(4, 6, 3)
    torch.testing.assert_close(layer(x), plain(x), rtol=0, atol=0)


@pytest.mark.parametrize("name", RANKS)
def test_a_fresh_layer_is_reset_to_a_fresh_layer(name):
    kind = getattr(all_layers, name)
    torch.manual_seed(3)
    fresh = kind(4, 6, 3, radius=True)
    layer = on_meta(name).to_empty(device="cpu")
    torch.manual_seed(3)
    layer.reset_parameters()
    assert torch.equal(layer.coord_weight, fresh.coord_weight)
    assert layer.coord_weight.count_nonzero() > 0


@pytest.mark.parametrize("kind", [nn.LazyConv2d, nn.LazyConvTranspose2d])
def test_a_converted_lazy_layer_is_initialized_like_the_plain_one(kind):
    x, results = torch.randn(2, 4, 6, 7), []
    for module in (kind(6, 3), convert(kind(6, 3))):
        torch.manual_seed(3)
        results.append(module(x))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)
