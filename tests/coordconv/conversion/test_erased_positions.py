"""Convert warns exactly if no position of a crop gets through the normalization after a layer."""

import copy
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from coordconv import Placement, convert, positions
from coordconv.conversion import conversion_config, convert_from_config

CHANNELS, SIZE, FULL = 4, (8, 10), (40, 60)


class Centered(nn.Module):
    """Subtract a mean, without the name of a normalization."""

    def __init__(self, *dims: int) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(self.dims, keepdim=True)


class ChannelsLast(nn.LayerNorm):
    """Layer normalization of each pixel, as in ConvNeXt."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Beside(nn.Module):
    """The sum of two branches."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one, self.other = one, other

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x) + self.other(x)


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x


NORMS = {
    "none": nn.Identity,
    "batch": lambda: nn.BatchNorm2d(CHANNELS),
    "instance": lambda: nn.InstanceNorm2d(CHANNELS),
    "affine instance": lambda: nn.InstanceNorm2d(CHANNELS, affine=True),
    "group of each": lambda: nn.GroupNorm(CHANNELS, CHANNELS),
    "group of two": lambda: nn.GroupNorm(2, CHANNELS),
    "group of all": lambda: nn.GroupNorm(1, CHANNELS),
    "layer": lambda: ChannelsLast(CHANNELS),
    "layer of maps": lambda: nn.LayerNorm(SIZE),
    "mean of maps": lambda: Centered(2, 3),
    "mean of channels": lambda: Centered(1),
    "mean of all": lambda: Centered(1, 2, 3),
}
BETWEEN = {
    "nothing": nn.Identity,
    "dropout": nn.Dropout,
    "pooling": lambda: nn.AvgPool2d(1),
    "a convolution": lambda: nn.Conv2d(CHANNELS, CHANNELS, 1),
    "a nonlinearity": nn.Tanh,
}


def normalized(norm: str, between: str = "nothing", kernel: int = 1) -> nn.Sequential:
    """A convolution, a normalization and a nonlinearity."""
    # Padding with zeros would let a little through at the margins of the maps.
    padding = {"padding": 1, "padding_mode": "circular"} if kernel == 3 else {}
    return nn.Sequential(
        nn.Conv2d(3, CHANNELS, kernel, **padding),
        BETWEEN[between](),
        nn.Sequential(NORMS[norm](), nn.Softplus()),
    )


@st.composite
def models(draw) -> nn.Module:
    """A small model with two random blocks, of which one may have a residual branch."""
    torch.manual_seed(draw(st.integers(0, 999)))
    norms, between = st.sampled_from(list(NORMS)), st.sampled_from(list(BETWEEN))
    block: nn.Module = normalized(draw(norms), draw(between), draw(st.sampled_from([1, 3])))
    if draw(st.booleans()):
        block = Beside(block, nn.Conv2d(3, CHANNELS, 1))
    middle = [nn.Conv2d(CHANNELS, CHANNELS, 1), NORMS[draw(norms)](), nn.ELU()]
    if draw(st.booleans()):
        middle = []
    return nn.Sequential(block, *middle, nn.Conv2d(CHANNELS, 2, 1)).double().eval()


def warned(model: nn.Module, **options) -> bool:
    """Convert a model and return whether there was a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        convert(model, **options)
    return any("subtracts the mean of each map" in str(one.message) for one in caught)


def is_lost(model: nn.Module, x: Tensor) -> bool:
    """Whether a crop has the same output at two places, with any coordinate weights."""
    for name, parameter in model.named_parameters():
        if name.endswith("coord_weight"):
            nn.init.normal_(parameter)
    outputs = []
    for start in [(0, 0), (30, 45)]:
        with torch.no_grad(), positions(model, Placement(FULL).crop(start, SIZE)):
            outputs.append(model(x))
    scale = (outputs[0] - outputs[0].mean((2, 3), keepdim=True)).abs().max()
    return bool((outputs[0] - outputs[1]).abs().max() < 1e-6 * scale)


@given(models())
@settings(max_examples=60)
def test_a_warning_says_that_two_crops_look_alike_and_only_then(model):
    x = torch.randn(2, 3, *SIZE).double()
    unchecked = copy.deepcopy(model)
    found = warned(model, example=x)
    assert found == is_lost(model, x)
    # Without an example, less is known, but nothing is invented.
    assert not warned(unchecked) or found


@pytest.mark.parametrize("norm", NORMS)
def test_without_an_example_the_modules_that_follow_are_called(norm):
    model = nn.Sequential(normalized(norm, "dropout"), nn.Conv2d(CHANNELS, 2, 1)).double().eval()
    # A normalization of maps of one size cannot be called without one.
    known = norm != "layer of maps"
    assert warned(model) == (known and is_lost(model, torch.randn(2, 3, *SIZE).double()))


def test_the_report_tells_where_the_position_is_lost_and_where_it_is_kept():
    torch.manual_seed(0)
    branches = Beside(normalized("instance"), nn.Conv2d(3, CHANNELS, 1))
    # The output depends on the square of the first convolution, whose sign differs between pixels.
    model = nn.Sequential(branches, Square(), nn.Conv2d(CHANNELS, 2, 1))
    reports = []
    with pytest.warns(UserWarning, match=r"after '0.one.0', '0.one.2.0' subtracts the mean"):
        convert(model, example=torch.randn(1, 3, *SIZE), report=reports.append)
    lost, kept, last = reports[0]
    assert "use where='0.other' (" in lost.erased
    assert "'2' (100% is kept)" in lost.erased
    assert not kept.erased
    assert not last.erased
    assert f"After '0.one.0', {lost.erased}." in str(reports[0])
    assert not warned(model, where="0.other", example=torch.randn(1, 3, *SIZE))


def test_layers_behind_which_it_is_lost_are_reported_where_others_keep_it():
    model = nn.Sequential(normalized("instance"), nn.Conv2d(CHANNELS, 2, 1))
    reports = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert(model, "all", example=torch.randn(1, 3, *SIZE), report=reports.append)
    assert [bool(one.erased) for one in reports[0]] == [True, False]


def test_unknown_layers_do_not_cause_a_warning():
    x = torch.randn(1, 3, *SIZE)
    zero = normalized("affine instance")
    nn.init.zeros_(zero[2][0].weight)  # no part of the input gets through yet
    assert not warned(zero, example=x)

    class Detached(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                return super().forward(x)

    assert not warned(Detached(nn.Conv2d(3, CHANNELS, 1), NORMS["instance"]()), example=x)
    assert not warned(normalized("instance"), radius=True, example=x)
    assert not warned(normalized("instance").bfloat16(), example=x.bfloat16())
    assert not warned(normalized("layer of maps").to("meta"), example=x.to("meta"))
    with torch.inference_mode():
        model = normalized("layer of maps")
        assert not warned(model, example=x)


def test_the_check_leaves_no_trace():
    model = nn.Sequential(normalized("batch"), nn.Dropout(), nn.LazyConv2d(2, 1)).train()
    convert(model, "0.0", example=torch.zeros(1, 3, *SIZE))  # the lazy layer stays lazy
    assert isinstance(model[2], nn.LazyConv2d)
    model = nn.Sequential(normalized("instance"), nn.Dropout(), nn.Conv2d(CHANNELS, 2, 1)).train()
    before, x = copy.deepcopy(model.state_dict()), torch.randn(1, 3, *SIZE, requires_grad=True)
    state = torch.get_rng_state()
    assert warned(model, example=x)
    assert torch.equal(torch.get_rng_state(), state)
    assert x.grad is None
    assert all(one.grad is None for one in model.parameters())
    assert all(module.training for module in model.modules())
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_model_that_is_loaded_is_not_warned_of_again():
    model = normalized("instance")
    assert warned(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert_from_config(normalized("instance"), conversion_config(model))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("rank", [2, 3])
def test_the_first_convolution_of_monais_u_net_loses_it_and_its_residual_branch_does_not(rank):
    networks = pytest.importorskip("monai.networks.nets")
    net = networks.UNet(rank, 1, 2, (4, 8, 16), (2, 2), num_res_units=2)
    x = torch.zeros(1, 1, *[16] * rank)
    with pytest.warns(UserWarning, match=r"'model.0.conv.unit0.adn.N'.* where='model.0.residual'"):
        convert(net, example=x)
    assert warned(networks.UNet(rank, 1, 2, (4, 8), (2,), num_res_units=2))
    assert not warned(net, where="model.0.residual", example=x)
    batch = networks.UNet(rank, 1, 2, (4, 8), (2,), num_res_units=2, norm="batch")
    assert not warned(batch, example=x)
