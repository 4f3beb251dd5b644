"""Initialize convolutions with and without coordinates by the same rule."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from coordconv import CoordConv2d
from coordconv_lab.experiments.notsoclevr.specs import Initialisation

# Standard deviation of a standard normal variable truncated at -2 and 2.
_CUT_DEVIATION = 0.8796256610342398

_Layer = nn.Conv2d | nn.ConvTranspose2d | nn.Linear  # CoordConv2d is a Conv2d


def initialise(net: nn.Module, rule: Initialisation) -> None:
    """Initialize every weight of a network in place and set its biases to zero.

    Args:
        net: The network.
        rule: "glorot" (uniform, Glorot and Bengio 2010), "he" (normal, He et al. 2015),
            "he_tensorflow" or "torch". "he_tensorflow" is like he_normal of TensorFlow: the normal
            distribution is truncated at two standard deviations, and a transposed convolution uses
            its fan-out instead of its fan-in. "torch" keeps the initialization of torch.nn.
    """
    if rule == "torch":
        return
    for module in net.modules():
        if isinstance(module, _Layer):
            _initialise_layer(module, rule)


@torch.no_grad()
def _initialise_layer(layer: _Layer, rule: Initialisation) -> None:
    weights = [layer.weight]
    if isinstance(layer, CoordConv2d):
        weights.append(layer.coord_weight)
    fan_in, fan_out = _fans(layer, weights)
    for weight in weights:
        if rule == "glorot":
            bound = math.sqrt(6 / (fan_in + fan_out))
            weight.uniform_(-bound, bound)
        elif rule == "he":
            weight.normal_(0, math.sqrt(2 / fan_in))
        else:
            counted = fan_out if isinstance(layer, nn.ConvTranspose2d) else fan_in
            deviation = math.sqrt(2 / counted) / _CUT_DEVIATION
            nn.init.trunc_normal_(weight, 0, deviation, -2 * deviation, 2 * deviation)
    if layer.bias is not None:
        layer.bias.zero_()


def _fans(layer: nn.Module, weights: Sequence[Tensor]) -> tuple[int, int]:
    """Return fan-in and fan-out, where coordinates count as input channels."""
    area = math.prod(weights[0].shape[2:])
    inputs = sum(weight.shape[1] for weight in weights) * area
    outputs = weights[0].shape[0] * area
    return (outputs, inputs) if isinstance(layer, nn.ConvTranspose2d) else (inputs, outputs)
