"""The default dtype, default device and gradient mode of torch, which the user's code may change.

They apply to the entire process, so a change by one run would affect all later runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

__all__ = ["restored_defaults", "standard_defaults"]


@contextmanager
def restored_defaults() -> Iterator[None]:
    """Restore torch's default dtype, default device and gradient mode after the block.

    Example:
        >>> with restored_defaults():
        ...     torch.set_default_dtype(torch.float64)
        >>> torch.get_default_dtype()
        torch.float32
    """
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    try:
        with torch.set_grad_enabled(torch.is_grad_enabled()):
            yield
    finally:
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            # With None, torch does not check every call for a device.
            torch.set_default_device(None if device.type == "cpu" else device)


@contextmanager
def standard_defaults() -> Iterator[None]:
    """Create float32 tensors on the CPU by default, with gradients, inside of the block."""
    is_cpu = torch.get_default_device().type == "cpu"
    with (
        restored_defaults(),
        nullcontext() if is_cpu else torch.device("cpu"),
        torch.enable_grad(),
    ):
        torch.set_default_dtype(torch.float32)
        yield
