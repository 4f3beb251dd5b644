"""Networks that are known to use or to ignore their coordinates, made from a plain network.

All networks are sequences that start with a convolution, a ReLU and another convolution.
"""

from typing import Any

import torch
from torch import Tensor, nn

from coordconv import convert

SHADING = 2.0


def shaded(images: Tensor) -> Tensor:
    """Return images with a shading added: 2 x, for x from -1 to 1."""
    return images + SHADING * torch.linspace(-1, 1, images.shape[-1])


def undoing_the_shading(model: Any) -> Any:
    """Convert a network so that it subtracts the shading with its coordinates.

    A convolution of 2 x with the weights of the image equals a convolution of x with twice these
    weights, also at the border, where both are padded in the same way.
    """
    convert(model, "first")
    first = model[0]
    with torch.no_grad():
        first.coord_weight.zero_()[:, 0] = -SHADING * first.weight[:, 0]
    return model


def cancelling(model: Any, norm: float) -> Any:
    """Return a network with the same outputs, in which coordinate weights of this norm cancel.

    The first layer has two more channels with the same random weights. The second layer adds one of
    them and subtracts the other.
    """
    first, second = model[0], model[2]
    wider, reader = (
        type(one)(
            one.in_channels + more_in,
            one.out_channels + more_out,
            one.kernel_size,
            one.stride,
            one.padding,
            padding_mode=one.padding_mode,
        )
        for one, more_in, more_out in ((first, 0, 2), (second, 2, 0))
    )
    more: Any = nn.Sequential(wider, *list(model)[1:2], reader, *list(model)[3:])
    convert(more, "first")
    with torch.no_grad():
        layer = more[0]
        layer.weight.normal_()[:-2] = first.weight
        layer.weight[-1] = layer.weight[-2]
        layer.bias.normal_()[:-2] = first.bias
        layer.bias[-1] = layer.bias[-2]
        layer.coord_weight.normal_()[:-2] = 0
        layer.coord_weight[-1] = layer.coord_weight[-2]
        layer.coord_weight.mul_(norm / layer.coord_weight.norm())
        reader.weight.normal_()[:, :-2] = second.weight
        reader.weight[:, -1] = -reader.weight[:, -2]
        reader.bias.copy_(second.bias)
    return more
