"""The memory format channels_last, which about halves the time of a training step on a CPU."""

import torch
from torch import Tensor


def channels_last(maps: Tensor) -> Tensor:
    """Convert maps (N, C, H, W) to channels_last. Under torch.func, return them unchanged.

    The strides of an image with one channel are valid in any memory format, so torch uses the
    format of the last conversion. It propagates this format through the layers, so one conversion
    is enough for a network.
    """
    if torch._C._are_functorch_transforms_active():
        return maps
    return maps.to(memory_format=torch.channels_last)
