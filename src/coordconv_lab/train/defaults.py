"""The default dtype, default device and gradient mode of torch, which the user's code may change.

They apply to the entire process, so a change by one run would affect all later runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager

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
    before = torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()
    try:
        yield
    finally:
        _set(*before)


@contextmanager
def standard_defaults() -> Iterator[None]:
    """Create float32 tensors on the CPU by default, with gradients, inside of the block."""
    with restored_defaults():
        _set(torch.float32, torch.device("cpu"), has_gradients=True)
        yield


def _set(dtype: torch.dtype, device: torch.device, has_gradients: bool) -> None:
    torch.set_default_dtype(dtype)
    torch.set_grad_enabled(has_gradients)
    if torch.get_default_device() != device:  # otherwise, torch would check every call for it
        torch.set_default_device(device)
