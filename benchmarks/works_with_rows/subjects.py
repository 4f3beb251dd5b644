"""The networks that go through the tools: converted, with coordinate weights that matter."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

import coordconv

__all__ = ["converted", "in_form", "randomized", "small_network", "without_coordinates"]


def small_network() -> nn.Module:
    """Return a convolution, a normalization, and a 1 x 1 convolution."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1)
    )


def randomized(model: nn.Module) -> nn.Module:
    """Give every normalization statistics of its own, as training does."""
    with torch.no_grad():
        for one in model.modules():
            if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                one.running_mean.uniform_(-0.5, 0.5)
                one.running_var.uniform_(0.5, 2)
                one.weight.uniform_(0.5, 2)
                one.bias.uniform_(-0.5, 0.5)
    return model


def converted(plain: nn.Module, where: Any) -> nn.Module:
    """Return a converted copy whose coordinate weights are as large as the others."""
    model = coordconv.convert(copy.deepcopy(plain), where)
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith("coord_weight"):
            state[name] = torch.empty_like(tensor).uniform_(-0.5, 0.5)
    model.load_state_dict(state)
    return model


def without_coordinates(model: nn.Module) -> nn.Module:
    """Return a copy that a tool would leave behind if it lost the coordinates."""
    return coordconv.revert(copy.deepcopy(model), discard=True)


def in_form(model: nn.Module, form: str, x: Tensor) -> nn.Module:
    """Return a copy of a converted model in one of the forms."""
    if form == "folded":
        return coordconv.precompute(model, x)
    model = copy.deepcopy(model)
    if form == "layer":
        return model
    return coordconv.decompose(model, form="module" if form == "module" else "layer")
