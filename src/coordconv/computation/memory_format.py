"""Whether the channels of a tensor are last in memory."""

import torch
from torch import Tensor

__all__ = ["batch_is_channels_last", "output_is_channels_last"]

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
