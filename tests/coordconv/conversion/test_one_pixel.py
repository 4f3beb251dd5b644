"""Only the presets skip convolutions of feature maps with one pixel."""

import copy

import pytest
import torch
from torch import Tensor, nn

from coordconv import convert
from coordconv.conversion.one_pixel import _AFTER_THE_MEAN
from coordconv.layers.coordinates import CoordinateLayer


class Excited(nn.Module):
    """Squeeze-and-excitation with a pooling module."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, 2, 1)
        self.expand = nn.Conv2d(2, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, input: Tensor) -> Tensor:
        return input * self.gate(self.expand(self.reduce(self.pool(input)).relu()))


class SEModule(nn.Module):
    """Squeeze-and-excitation of timm, known by its name because it pools without a module."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, input: Tensor) -> Tensor:
        return input * self.fc2(self.fc1(input.mean((2, 3), keepdim=True)).relu()).sigmoid()


class Averaged(nn.Module):
    """A module whose structure does not show that its convolution gets one pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, input: Tensor) -> Tensor:
        return input + self.mix(input.mean((2, 3), keepdim=True))


class Pooled(nn.Sequential):
    """A pooling branch like that of DeepLab."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d((1, 1)), nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels)
        )

    def forward(self, input: Tensor) -> Tensor:
        return input + super().forward(input)


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        Excited(4),
        nn.Sequential(SEModule(4), nn.Conv2d(4, 4, 3, padding=1)),
        Pooled(4),
        Averaged(4),
        nn.Conv2d(4, 2, 1),
    ).eval()


SPATIAL = ["0", "2.1", "5"]
KNOWN = ["1.reduce", "1.expand", "2.0.fc1", "2.0.fc2", "3.1"]
INPUT = torch.randn(2, 3, 6, 9)


def converted(model: nn.Module) -> list[str]:
    return [name for name, one in model.named_modules() if isinstance(one, CoordinateLayer)]


def test_without_an_example_known_modules_are_skipped_with_the_reason():
    found = []
    model = convert(net(), "all", report=found.append)
    assert converted(model) == [*SPATIAL[:2], "4.mix", SPATIAL[2]]
    reasons = {change.name: change.reason for change in found[0].skipped}
    assert set(reasons) == set(KNOWN)
    assert all("follows a global pooling" in reason for reason in reasons.values())


@pytest.mark.parametrize(
    "example", [INPUT, (INPUT,), {"input": INPUT}], ids=["tensor", "tuple", "mapping"]
)
def test_with_an_example_exactly_the_layers_with_one_pixel_are_skipped(example):
    model, found = net(), []
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    convert(model, "all", example=example, report=found.append)
    assert converted(model) == SPATIAL
    assert "the example gives it only maps of one pixel" in str(found[0])
    assert all(module.training for module in model.modules())
    for name, value in before.items():
        assert torch.equal(model.state_dict()[name], value)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_skipped_layers_would_get_no_gradients_and_all_others_do():
    model = net()
    for name in [*KNOWN, "4.mix", *SPATIAL]:
        convert(model, name)
    model(INPUT).square().sum().backward()
    dead = [
        name
        for name, one in model.named_modules()
        if isinstance(one, CoordinateLayer) and not one.coord_weight.grad.any()
    ]
    skipped = convert(net(), "all", example=INPUT)
    assert set(dead) == {*KNOWN, "4.mix"}
    assert set(converted(skipped)) == set(SPATIAL)


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("3.1", ["3.1"]),
        ("1.*", ["1.reduce", "1.expand"]),
        (["4.mix"], ["4.mix"]),
        (lambda name, module: name.startswith("2"), ["2.0.fc1", "2.0.fc2", "2.1"]),
    ],
)
def test_layers_selected_by_name_are_converted(where, chosen):
    assert converted(convert(net(), where, example=INPUT)) == chosen


def test_detector_skips_them_too():
    model = nn.ModuleDict({"neck": Pooled(4), "head": nn.Conv2d(4, 4, 3)})
    convert(model, "detector")
    assert converted(model) == ["head"]


def test_a_model_with_only_such_layers_raises_an_error():
    with pytest.raises(ValueError, match="selects 2 convolutions, and all of them"):
        convert(Excited(4), "all")


def test_layers_not_reached_by_the_example_are_judged_by_their_structure():
    model = net()
    model.add_module("unused", nn.ModuleList([Excited(4), nn.Conv2d(4, 4, 3)]))
    model.forward = lambda input: nn.Sequential(*list(model)[:6])(input)
    with pytest.warns(UserWarning, match=r"does not reach 'unused\.1'"):
        convert(model, "all", example=INPUT)
    assert converted(model) == [*SPATIAL, "unused.1"]


def test_larger_maps_in_the_example_override_a_known_structure():
    class Spread(nn.Sequential):
        def forward(self, input: Tensor) -> Tensor:
            return self[1](input)

    model = nn.Sequential(Spread(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 3, 1)), nn.Conv2d(3, 3, 1))
    convert(model, "all", example=INPUT)
    assert converted(model) == ["0.1", "1"]


@pytest.mark.parametrize(
    ("layers", "skipped"),
    [
        ([nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 3, 1)], [1, 3]),
        ([nn.AdaptiveMaxPool2d(1), nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)], [1, 2]),
        ([nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 3, 1, padding=1), nn.Conv2d(3, 3, 1)], [1]),
        ([nn.AdaptiveAvgPool2d(1), nn.ConvTranspose2d(3, 3, 4), nn.Conv2d(3, 3, 1)], [1]),
        ([nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=4), nn.Conv2d(3, 3, 1)], []),
        ([nn.AdaptiveAvgPool2d(2), nn.Conv2d(3, 3, 1)], []),
        ([nn.AdaptiveAvgPool2d((1, None)), nn.Conv2d(3, 3, 1)], []),
        ([nn.Conv2d(3, 3, 1), nn.AdaptiveAvgPool2d(1)], []),
    ],
)
def test_a_sequence_is_followed_from_its_pooling(layers, skipped):
    model, found = nn.Sequential(nn.Conv2d(3, 3, 1), *layers), []
    convert(model, "all", report=found.append)
    assert [change.name for change in found[0].skipped] == [str(at + 1) for at in skipped]


def test_lazy_layers_are_not_initialized_by_an_example():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Conv2d(4, 4, 1))
    with pytest.raises(ValueError, match="call the model once before"):
        convert(model, "all", example=INPUT)
    assert type(model[0]) is nn.LazyConv2d


def _efficientnet():
    models = pytest.importorskip("transformers")
    config = models.EfficientNetConfig(
        width_coefficient=0.25, depth_coefficient=0.1, image_size=64, hidden_dim=320
    )
    return models.EfficientNetModel(config), {"pixel_values": torch.randn(2, 3, 64, 96)}


def _regnet():
    models = pytest.importorskip("transformers")
    config = models.RegNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 1, 1], groups_width=8
    )
    return models.RegNetModel(config), {"pixel_values": torch.randn(2, 3, 64, 96)}


def _timm(name: str):
    def make():
        timm = pytest.importorskip("timm")
        return timm.create_model(name), torch.randn(2, 3, 96, 128)

    return make


@pytest.mark.parametrize(
    "make",
    [
        _efficientnet,
        _regnet,
        *map(_timm, ["efficientnet_b0", "mobilenetv3_small_050", "ghostnet_050", "regnety_002"]),
        *map(_timm, ["skresnet18", "resnest14d", "repghostnet_050", "resnetv2_18"]),
    ],
    ids=lambda make: getattr(make, "__qualname__", "").split(".")[0].strip("_"),
)
def test_in_networks_of_other_libraries_structure_and_example_agree(make):
    model, example = make()
    by_looks, by_example = [], []
    original = [name for name, one in model.named_modules() if isinstance(one, nn.Conv2d)]
    other = copy.deepcopy(model)
    convert(model, "all", report=by_looks.append)
    convert(other, "all", example=example, report=by_example.append)
    assert [change.name for change in by_looks[0].skipped] == [
        change.name for change in by_example[0].skipped
    ]
    assert 0 < len(by_looks[0].skipped) < len(original)


def test_every_known_module_pools_in_its_forward():
    assert all(names for names in _AFTER_THE_MEAN.values())
