"""The channels_last memory format, which about halves the time of a training step on a CPU."""

import torch
from torch import Tensor


def channels_last(maps: Tensor) -> Tensor:
    """Convert maps (N, C, H, W) to channels_last; under torch.func, return them unchanged.

    With one channel both memory formats are the same for torch, which propagates the declared one,
    so a single conversion is enough for a network.
    """
    if torch._C._are_functorch_transforms_active():
        return maps
    return maps.to(memory_format=torch.channels_last)
