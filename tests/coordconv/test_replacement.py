"""Replacing a coordinate layer with a module without its coordinates raises an error."""

import copy

import pytest
import torch
from torch import nn

from coordconv import AddCoords, CoordConv1d, CoordConv2d, convert, decompose, precompute, revert
from coordconv.layers.replacement import check_registration

CONVOLUTIONS = {
    "1-D": lambda: nn.Conv1d(3, 6, 3),
    "2-D": lambda: nn.Conv2d(3, 6, 3),
    "3-D": lambda: nn.Conv3d(2, 4, 3),
    "grouped": lambda: nn.Conv2d(4, 6, 3, groups=2),
    "transposed": lambda: nn.ConvTranspose2d(3, 6, 3),
}
COPIES = {
    "the same": lambda weight: weight.clone(),
    "negative": lambda weight: -2 * weight,
    "rounded to 8 bits": lambda weight: (weight * 127 / weight.abs().max()).round(),
    "half": lambda weight: weight.half().float(),
}


@pytest.fixture(params=CONVOLUTIONS)
def model(request):
    torch.manual_seed(0)
    made = convert(nn.Sequential(CONVOLUTIONS[request.param](), nn.ReLU()))
    nn.init.normal_(made[0].coord_weight)
    return made


def plain_copy(layer, change=COPIES["the same"]):
    made = revert(copy.deepcopy(layer), discard=True)
    with torch.no_grad():
        made.weight.copy_(change(made.weight))
    return made


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_of_the_weights_without_coordinates_raises_an_error(model, change):
    layer = model[0]
    with pytest.raises(ValueError, match=r"'0': a Conv.* would replace it .*coordconv\.decompose"):
        model[0] = plain_copy(layer, change)
    assert model[0] is layer


@pytest.mark.parametrize(
    ("axis", "layer"), [(0, nn.Conv2d(3, 6, 3)), (1, nn.ConvTranspose2d(3, 6, 3))]
)
def test_a_copy_with_scaled_channels_raises_an_error(axis, layer):
    model = convert(nn.Sequential(layer))
    nn.init.normal_(layer.coord_weight)
    scales = torch.linspace(-2, 3, 6).index_fill_(0, torch.tensor([1]), 0.0)
    shape = [1, 1, 1, 1]
    shape[axis] = 6
    with pytest.raises(ValueError, match="would replace it"):
        model[0] = plain_copy(layer, lambda weight: weight * scales.reshape(shape))


def test_a_block_replaced_with_its_fused_convolution_raises_an_error(model):
    block = nn.Sequential(nn.Sequential(model[0], nn.Identity()), nn.ReLU())
    with pytest.raises(ValueError, match="would replace it"):
        block[0] = plain_copy(model[0])


def test_merging_branches_with_coordinates_raises_an_error(model):
    block = nn.Module()
    block.branch = model[0]
    with pytest.raises(ValueError, match=r"'reparam_conv': a CoordConv.* would be merged"):
        block.reparam_conv = plain_copy(model[0], torch.randn_like)
    assert not hasattr(block, "reparam_conv")
    nn.init.zeros_(model[0].coord_weight)
    block.reparam_conv = plain_copy(model[0], torch.randn_like)


@pytest.mark.parametrize("size", [(5,), (5, 6), (5, 6, 7)])
def test_replacing_a_folded_layer_raises_an_error(size):
    model = convert(nn.Sequential([nn.Conv1d, nn.Conv2d, nn.Conv3d][len(size) - 1](3, 6, 3)))
    nn.init.normal_(model[0].coord_weight)
    precomputed = precompute(model, torch.zeros(1, 3, *size))
    with pytest.raises(ValueError, match="would replace it"):
        precomputed[0] = plain_copy(model[0])


def test_modules_with_the_coordinates_may_replace_a_layer(model):
    model[0] = copy.deepcopy(model[0])
    model[0] = nn.Sequential(model[0], nn.Identity())
    model[0] = nn.Sequential(AddCoords(), plain_copy(model[0][0]))


def test_modules_with_other_weights_may_replace_a_layer(model):
    fresh = plain_copy(model[0], torch.randn_like)
    model[0] = fresh
    assert model[0] is fresh


def test_layers_with_zero_coordinate_weights_may_be_replaced(model):
    nn.init.zeros_(model[0].coord_weight)
    plain = plain_copy(model[0])
    model[0] = plain
    assert model[0] is plain


def test_every_way_to_register_a_child_is_checked(model):
    layer, plain = model[0], plain_copy(model[0])
    for register in (
        lambda: setattr(model, "0", plain),
        lambda: model.register_module("0", plain),
        lambda: model.set_submodule("0", plain),
    ):
        with pytest.raises(ValueError, match="would replace it"):
            register()
        assert model[0] is layer


def test_a_child_may_be_removed(model):
    setattr(model, "0", None)
    assert model._modules["0"] is None


@pytest.mark.parametrize("kind", ["mkldnn", "dynamic"])
def test_a_copy_with_weights_in_another_format_raises_an_error(kind):
    model = convert(nn.Sequential(nn.Conv2d(3, 6, 3))).eval()
    nn.init.normal_(model[0].coord_weight)
    if kind == "mkldnn":
        from torch.utils import mkldnn

        with pytest.raises(ValueError, match="would replace it"):
            mkldnn.to_mkldnn(model)
        return
    quantized = nn.Identity()
    scale = model[0].weight.detach().abs().max().item() / 127
    quantized.weight = lambda: torch.quantize_per_tensor(
        model[0].weight.detach(), scale, 0, torch.qint8
    )
    with pytest.raises(ValueError, match="would replace it"):
        check_registration(model, "0", quantized)


class Adapter(nn.Module):
    """A stand-in for adapters of PEFT, which hold the layer as ``base_layer``."""

    __module__ = "peft.tuners.lora.layer"

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.base_layer = layer


@pytest.mark.parametrize("zero", [True, False])
def test_an_adapter_that_creates_layers_of_the_same_class_raises_an_error(zero):
    layer = CoordConv2d(3, 4, 3)
    if zero:
        nn.init.zeros_(layer.coord_weight)
    with pytest.raises(ValueError, match=r"coordconv.decompose.*'0.conv'"):
        Adapter(layer)
    Adapter(nn.Conv2d(3, 4, 3))
    Adapter(decompose(layer).conv)


class Voting(nn.Module):
    """A module whose weight is a layer, not a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.value = nn.Conv1d(1, 1, 3), CoordConv1d(1, 1, 1)


def test_a_submodule_named_weight_is_not_a_weight():
    model = nn.Sequential(Voting())
    model[0] = Voting()
    assert isinstance(model[0].weight, nn.Conv1d)


@pytest.mark.parametrize("norm", [1.0, 1e-7, 1e-9, 1e-12, 1e-30])
def test_a_copy_is_recognized_if_one_of_its_filters_is_small(norm):
    parent = nn.Sequential(CoordConv2d(3, 8, 3))
    with torch.no_grad():
        parent[0].weight[2] *= norm / parent[0].weight[2].norm()
    before = parent[0]
    with pytest.raises(ValueError, match="would replace it and drop the coordinates"):
        parent[0] = plain_copy(before, lambda weight: 3 * weight)
    assert parent[0] is before
