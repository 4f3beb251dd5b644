"""The lazy layers: what they become, what they draw, what they load and refuse."""

import pytest
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.testing import assert_close

import coordconv

NAMES = [f"CoordConv{kind}{rank}d" for kind in ("", "Transpose") for rank in (1, 2, 3)]
pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")


def picture(name: str) -> torch.Tensor:
    return torch.randn(2, 4, *(5, 6, 4)[: int(name[-2])])


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_lazy_layer_becomes_the_layer_that_knew_its_channels_from_the_start(name, bias):
    options = {"groups": 2, "bias": bias, "radius": True, "coord_kernel_size": 1}
    lazy = getattr(coordconv, f"Lazy{name}")(6, 3, 2, **options, dtype=torch.float64)
    assert is_lazy(lazy.weight)
    x = picture(name).double()
    torch.manual_seed(0)
    output = lazy(x)
    torch.manual_seed(0)
    eager = getattr(coordconv, name)(4, 6, 3, 2, **options, dtype=torch.float64)
    assert type(lazy) is type(eager)
    assert repr(lazy) == repr(eager)
    assert_close(dict(lazy.state_dict()), dict(eager.state_dict()), rtol=0, atol=0)
    assert_close(output, eager(x), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_the_arguments_are_those_of_the_lazy_layers_of_torch(name):
    arguments = (6, 3, 2, 0, 1, 2, False)
    ours = getattr(coordconv, f"Lazy{name}")(*arguments)
    theirs = getattr(nn, f"Lazy{name.removeprefix('Coord')}")(*arguments)
    x = picture(name)
    assert ours(x).shape == theirs(x).shape
    assert ours.weight.shape == theirs.weight.shape
    assert ours.bias is None


@pytest.mark.parametrize("name", NAMES)
def test_a_lazy_layer_loads_the_weights_of_an_eager_one_and_keeps_them(name):
    eager = getattr(coordconv, name)(4, 6, 3)
    lazy = getattr(coordconv, f"Lazy{name}")(6, 3)
    lazy.load_state_dict(eager.state_dict())
    x = picture(name)
    assert_close(lazy(x), eager(x), rtol=0, atol=0)
    assert lazy.in_channels == 4


def test_a_window_may_come_with_the_first_input():
    layer = coordconv.LazyCoordConv2d(6, 3)
    x = picture("CoordConv2d")
    first = layer(x, window=((1, 2), (9, 9)))
    assert_close(layer(x, window=((1, 2), (9, 9))), first)


def test_channels_that_groups_do_not_divide_are_refused_and_nothing_is_drawn():
    layer = coordconv.LazyCoordConv2d(6, 3, groups=3)
    with pytest.raises(ValueError, match="4 channels, which groups=3 does not divide"):
        layer(picture("CoordConv2d"))
    assert is_lazy(layer.weight)


@pytest.mark.parametrize("name", NAMES)
def test_a_lazy_layer_that_loads_a_plain_checkpoint_draws_only_what_that_lacks(name):
    plain = getattr(nn, name.removeprefix("Coord"))(4, 6, 3, groups=2)
    lazy = getattr(coordconv, f"Lazy{name}")(6, 3, groups=2)
    assert lazy.load_state_dict(plain.state_dict(), strict=False).missing_keys == ["coord_weight"]
    assert lazy(picture(name)).isfinite().all()
    assert_close(lazy.weight, plain.weight, rtol=0, atol=0)
    assert_close(lazy.bias, plain.bias, rtol=0, atol=0)
    bound = plain.weight[0].numel() ** -0.5
    assert 0 < lazy.coord_weight.abs().max() <= bound
    assert lazy.in_channels == 4


@pytest.mark.parametrize("shape", [(28, 28), (2, 4, 5, 6, 7)])
def test_an_input_of_another_rank_is_refused_and_nothing_is_drawn(shape):
    layer = coordconv.LazyCoordConv2d(6, 3)
    with pytest.raises(ValueError, match="2 spatial axes"):
        layer(torch.zeros(shape))
    assert is_lazy(layer.weight)
