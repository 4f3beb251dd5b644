"""The channels_last memory format, which about halves the time of a training step on a CPU."""

import torch
from torch import Tensor


def channels_last(maps: Tensor) -> Tensor:
    """Convert maps (N, C, H, W) to channels_last; under torch.func, return them unchanged.

    For one channel, the strides of both memory formats are equal, and torch propagates the format
    of the last conversion. One conversion is therefore enough for a network.
    """
    if torch._C._are_functorch_transforms_active():
        return maps
    return maps.to(memory_format=torch.channels_last)
