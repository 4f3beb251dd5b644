"""Whether the channels of a tensor are last in memory."""

import torch
from torch import Tensor

__all__ = [
    "as_channels_last",
    "batch_is_channels_last",
    "in_format_of",
    "output_is_channels_last",
]

_CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


def batch_is_channels_last(x: Tensor) -> bool:
    """Whether a batch, shape (N, C, *size), has its channels last in memory.

    As in torch, the strides decide, because ``is_contiguous`` cannot distinguish the memory formats
    if C is 1.
    """
    return x.stride(-1) >= x.shape[1] and x.stride(1) == 1


def output_is_channels_last(data: Tensor, rank: int) -> bool:
    """Whether an output of torch, with or without a batch axis, has its channels last in memory."""
    if rank == 1 or torch._C._are_functorch_transforms_active() or data.is_contiguous():
        return False
    batch = data if data.dim() == rank + 2 else data.unsqueeze(0)
    return batch.is_contiguous(memory_format=_CHANNELS_LAST[rank])


def as_channels_last(x: Tensor) -> Tensor:
    """Return a tensor of shape (N, C, *size) with its channels last in memory."""
    return x.movedim(1, -1).contiguous().movedim(-1, 1)


def in_format_of(weight: Tensor, joint: Tensor) -> Tensor:
    """Return a joint weight in the memory format of ``weight``.

    In torch, the format of an output depends on the formats of the input and the weight.
    """
    if weight.dim() == 3 or not batch_is_channels_last(weight):
        return joint
    # A weight of shape (N, 1, 1, ...) has the same strides in both formats.
    return joint if weight[0].numel() == 1 else as_channels_last(joint)
