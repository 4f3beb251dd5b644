"""Small models and functions for trials."""

import torch
from torch import nn

from coordconv import CoordConv2d

IMAGES = torch.randn(4, 1, 6, 8, generator=torch.Generator().manual_seed(0))


def make():
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 1, 1))


def pointwise():
    return nn.Sequential(nn.Conv2d(1, 1, 1))


def nothing(model):
    """Call the model once, as training does."""
    with torch.no_grad():
        model(IMAGES)


def has_coordinates(model):
    return any(isinstance(module, CoordConv2d) for module in model.modules())


def by_coordinates(with_them, without):
    """A score that knows the arm, and draws a little."""

    def score(model):
        noise = torch.rand(()).item() / 100
        return (with_them if has_coordinates(model) else without) + noise

    return score


def learns_x(model):
    """Train the coordinate weights to return x."""
    nothing(model)
    if has_coordinates(model):
        with torch.no_grad():
            model[0].weight.zero_()
            model[0].bias.zero_()
            model[0].coord_weight.zero_()[0, 0] = 1


def error_of_x(model):
    """Mean squared distance of the output from x."""
    return errors_of_x(model).mean().item()


def errors_of_x(model):
    with torch.no_grad():
        return (model(IMAGES)[:, 0] - torch.linspace(-1, 1, 8)).square()
