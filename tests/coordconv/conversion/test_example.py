"""An example never prevents a conversion that works without it."""

import pytest
import torch
from torch import nn

from coordconv import convert, decompose, precompute
from coordconv.layers.coordinates import CoordinateLayer

X = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(0))


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)).eval()


def with_first(layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(layer, nn.ReLU(), nn.Conv2d(4, 4, 3)).eval()


MODELS = {
    "scripted": lambda: with_first(torch.jit.script(nn.Conv2d(3, 4, 3))),
    "traced": lambda: with_first(torch.jit.trace(nn.Conv2d(3, 4, 3), X)),
    "fused": lambda: torch.ao.quantization.fuse_modules(network(), [["0", "1"]]),
    "decomposed": lambda: decompose(convert(network())),
    "decomposed layer": lambda: decompose(convert(network()), form="layer"),
    "precomputed": lambda: precompute(convert(network()), X),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("where", ["all", "2"])
@pytest.mark.parametrize("kind", MODELS)
def test_a_layer_is_converted_beside_layers_that_cannot_be_observed(kind, where):
    model = MODELS[kind]()
    before = model(X)
    convert(model, where, example=X)
    assert isinstance(model[2], CoordinateLayer)
    assert torch.equal(model(X), before)


@pytest.mark.parametrize("example", [None, X], ids=["no example", "example"])
def test_a_model_on_another_device_than_the_default_is_converted(example):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4)).eval()
    with torch.device("meta"), pytest.warns(UserWarning, match="erases the position"):
        convert(model, example=example)
    assert isinstance(model[0], CoordinateLayer)
