"""The costs of coordinates are counted correctly and add up."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, weight_norm

from coordconv import (
    AddCoords,
    CoordConv1d,
    CoordConv2d,
    CoordConvTranspose2d,
    LazyCoordConv2d,
    decompose,
    recompose,
)
from coordconv.costs import coordinate_costs


def test_coordinate_parameters_are_counted():
    net = nn.Sequential(AddCoords(), CoordConv2d(5, 8, 3, radius=True), nn.Conv2d(8, 2, 1))
    costs = coordinate_costs(net)
    assert [entry.name for entry in costs] == ["0", "1"]
    assert costs[1].coordinate_parameters == 3 * 8 * 3 * 3
    assert costs[1].parameters == (5 + 3) * 8 * 3 * 3 + 8
    assert costs.parameters == costs[1].parameters + 8 * 2 + 2
    assert costs.flops is None
    assert costs[1].flops is None


@pytest.mark.parametrize("batch", [1, 5])
def test_a_pointwise_kernel_costs_one_product_per_pixel_and_coordinate(batch):
    layer = CoordConv2d(3, 8, 1, radius=True)
    costs = coordinate_costs(layer, torch.zeros(batch, 3, 6, 9))
    assert costs[0].coordinate_flops == 2 * 3 * 8 * 6 * 9
    assert costs[0].flops == 2 * (3 + 3) * 8 * 6 * 9
    assert costs.flops == 2 * (3 * batch + 3) * 8 * 6 * 9  # Coordinates once per batch.


@pytest.mark.parametrize(
    "layer",
    [
        CoordConv2d(4, 6, 3, stride=2, groups=2),
        CoordConv2d(4, 6, 3, padding="same", padding_mode="circular"),
        CoordConvTranspose2d(4, 6, 3, padding=1),
        parametrizations.weight_norm(CoordConv2d(4, 6, 3)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_coordinates_cost_at_most_as_much_as_with_concatenation(layer):
    costs = coordinate_costs(layer, torch.zeros(1, 4, 7, 9))
    with_grid = costs[0].flops / (costs[0].flops - costs[0].coordinate_flops)
    assert 1 < with_grid <= 1 + 2 * layer.groups / 4 + 1e-6
    assert costs.flops == costs[0].flops


def test_a_layer_with_inputs_of_two_sizes_counts_both():
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = CoordConv1d(2, 3, 1)

        def forward(self, x):
            return self.layer(x).sum() + self.layer(x[..., ::2]).sum()

    (entry,) = coordinate_costs(Head(), torch.zeros(1, 2, 8))
    assert entry.flops == 2 * (2 + 1) * 3 * (8 + 4)


def test_the_modes_of_the_model_do_not_change_and_no_gradients_are_left():
    net = nn.Sequential(CoordConv2d(3, 4, 1), nn.BatchNorm2d(4))
    before = {name: one.clone() for name, one in net.state_dict().items()}
    coordinate_costs(net, torch.randn(2, 3, 5, 5))
    assert net.training
    assert net[1].training
    assert all(one.grad is None for one in net.parameters())
    for name, one in net.state_dict().items():
        torch.testing.assert_close(one, before[name], rtol=0, atol=0)


def test_costs_print_as_a_table_with_the_sum_in_the_last_line():
    lines = str(coordinate_costs(nn.Sequential(CoordConv2d(3, 8, 1)))).splitlines()
    assert lines[0].split() == [
        "name",
        "layer",
        "parameters",
        "coordinates",
        "FLOPs",
        "coordinates",
    ]
    assert lines[-1] == "16 (33.3%) of 48 parameters are for coordinates"
    assert str(coordinate_costs(nn.ReLU())).endswith("0 of 0 parameters are for coordinates")


def test_a_lazy_layer_raises_an_error():
    with pytest.raises(ValueError, match=r"with lazy weights, got '0\.weight'"):
        coordinate_costs(nn.Sequential(LazyCoordConv2d(4, 1)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_costs_do_not_depend_on_the_dtype(dtype):
    net, x = nn.Sequential(CoordConv2d(3, 8, 3)), torch.zeros(1, 3, 9, 9)
    expected = coordinate_costs(net, x)
    assert list(coordinate_costs(net.to(dtype), x.to(dtype))) == list(expected)


def test_the_model_does_not_change_and_its_hooks_only_see_its_own_calls():
    net = nn.Sequential(parametrizations.spectral_norm(CoordConv2d(3, 8, 3))).train()
    before = {name: one.clone() for name, one in net.state_dict().items()}
    seen = []
    net[0].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape))
    coordinate_costs(net, torch.randn(2, 3, 6, 6))
    assert set(seen) == {(2, 3, 6, 6)}
    for name, one in net.state_dict().items():
        torch.testing.assert_close(one, before[name], rtol=0, atol=0)


def test_shared_weights_are_counted_once():
    first, second = CoordConv2d(3, 3, 1), CoordConv2d(3, 3, 1)
    second.coord_weight, second.weight, second.bias = first.coord_weight, first.weight, first.bias
    costs = coordinate_costs(nn.Sequential(first, second))
    assert (costs.coordinate_parameters, costs.parameters) == (6, 18)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        (parametrizations.weight_norm, 2 * 8 * 9 + 8),  # one length for each of 8 directions
        (weight_norm, 2 * 8 * 9 + 8),
        (parametrizations.spectral_norm, 2 * 8 * 9),
        (lambda one, name: prune.identity(one, name), 2 * 8 * 9),
    ],
)
def test_all_parameters_of_a_computed_coordinate_weight_are_counted(change, numbers):
    costs = coordinate_costs(change(CoordConv2d(3, 8, 3), "coord_weight"))
    assert costs[0].coordinate_parameters == costs.coordinate_parameters == numbers
    assert costs.parameters == numbers + 3 * 8 * 9 + 8


@pytest.mark.parametrize("form", ["module", "layer"])
def test_coordinates_in_a_joint_weight_are_not_counted_as_zero(form):
    net = nn.Sequential(CoordConv2d(3, 8, 3))
    expected = list(coordinate_costs(net))
    with pytest.raises(ValueError, match=r"cannot count .* '0', .* call coordconv\.recompose"):
        coordinate_costs(decompose(net, form=form))
    assert list(coordinate_costs(recompose(net))) == expected
