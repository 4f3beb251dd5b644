"""The parameters: how many there are, how they are drawn and which checkpoints load."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

import coordconv
from coordconv import CoordConv2d, CoordConvTranspose2d


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["", "Transpose"])
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.booleans())
@settings(max_examples=12, deadline=None)
def test_a_layer_has_c_plus_d_times_outputs_times_k_squared_weights(kind, rank, c, out, k, radius):
    d = rank + 1 if radius else rank
    layer = getattr(coordconv, f"CoordConv{kind}{rank}d")(c, out, k, bias=False, radius=radius)
    assert sum(p.numel() for p in layer.parameters()) == (c + d) * out * k**rank


def test_a_smaller_coordinate_kernel_has_fewer_weights():
    layer = CoordConv2d(4, 6, 5, bias=False, coord_kernel_size=(1, 3))
    assert layer.coord_weight.shape == (6, 2, 1, 3)


@pytest.mark.parametrize("bias", [False, True])
def test_there_is_one_set_of_parameters_and_every_one_is_used(bias):
    layer = CoordConv2d(4, 6, 3, groups=2, bias=bias, radius=True)
    names = {"weight", "coord_weight"} | ({"bias"} if bias else set())
    assert {name for name, _ in layer.named_parameters()} == names
    layer(torch.randn(2, 4, 5, 6)).square().sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


@pytest.mark.parametrize("bias", [False, True])
def test_a_checkpoint_of_a_plain_convolution_loads_and_lacks_only_the_coordinate_weights(bias):
    plain, layer = (
        nn.Conv2d(4, 6, 3, groups=2, bias=bias),
        CoordConv2d(4, 6, 3, groups=2, bias=bias),
    )
    result = layer.load_state_dict(plain.state_dict(), strict=False)
    assert result.missing_keys == ["coord_weight"]
    assert result.unexpected_keys == []
    assert_close(layer.weight, plain.weight, rtol=0, atol=0)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("radius", [False, True])
def test_a_fresh_layer_draws_as_a_convolution_over_data_and_coordinates_does(radius, groups):
    d = 3 if radius else 2
    torch.manual_seed(0)
    joint = nn.Conv2d(4 + groups * d, 6, (2, 3), groups=groups)
    torch.manual_seed(0)
    layer = CoordConv2d(4, 6, (2, 3), groups=groups, radius=radius)
    drawn = torch.cat([layer.weight, layer.coord_weight], dim=1)
    assert_close(drawn, joint.weight.detach(), rtol=0, atol=0, check_stride=False)
    assert_close(layer.bias, joint.bias, rtol=0, atol=0)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("radius", [False, True])
def test_a_fresh_transposed_layer_draws_as_one_over_data_and_coordinates_does(radius, groups):
    d = 3 if radius else 2
    torch.manual_seed(0)
    joint = nn.ConvTranspose2d(4 + groups * d, 6, (2, 3), groups=groups)
    torch.manual_seed(0)
    layer = CoordConvTranspose2d(4, 6, (2, 3), groups=groups, radius=radius)
    by_group = joint.weight.detach().unflatten(0, (groups, -1))
    data, coordinates = by_group.split([4 // groups, d], dim=1)
    assert_close(layer.weight.detach(), data.reshape(4, 6 // groups, 2, 3), rtol=0, atol=0)
    for group in range(groups):
        outputs = slice(group * 6 // groups, (group + 1) * 6 // groups)
        assert_close(layer.coord_weight[:, outputs], coordinates[group], rtol=0, atol=0)
    assert_close(layer.bias, joint.bias, rtol=0, atol=0)


def test_the_weights_of_a_smaller_coordinate_kernel_are_the_middle_of_the_full_draw():
    torch.manual_seed(0)
    full = CoordConv2d(4, 6, (3, 5))
    torch.manual_seed(0)
    small = CoordConv2d(4, 6, (3, 5), coord_kernel_size=(1, 3))
    assert_close(small.coord_weight, full.coord_weight[:, :, 1:2, 1:4], rtol=0, atol=0)
    assert_close(small.weight, full.weight, rtol=0, atol=0)


def test_the_bound_of_fresh_weights_counts_the_coordinates_that_an_output_reads():
    layer = CoordConv2d(8, 400, 3, groups=2)
    bound = ((8 / 2 + 2) * 3 * 3) ** -0.5
    for parameter in layer.parameters():
        assert parameter.abs().max() <= bound
        assert parameter.abs().max() > 0.98 * bound
