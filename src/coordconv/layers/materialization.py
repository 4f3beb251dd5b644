"""Coordinate weights on the meta device, which a framework allocates as zeros."""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["coordinate_parameter"]


def coordinate_parameter(data: Tensor) -> nn.Parameter:
    """Return a parameter that holds ``data``.

    Some frameworks build a model on the meta device and load a checkpoint. Then they allocate the
    parameters that are missing from the checkpoint with ``torch.empty_like``, which leaves them
    uninitialized. For a parameter returned by this function, ``empty_like`` allocates zeros, so the
    layer computes the plain convolution.

    Args:
        data: Coordinate weights, on any device.
    """
    return _OnMeta(data) if data.is_meta else nn.Parameter(data)


class _OnMeta(nn.Parameter):
    """A parameter on the meta device, from which ``torch.empty_like`` allocates zeros.

    On other devices, an ordinary parameter is created instead.
    """

    def __new__(  # pyright: ignore[reportInconsistentConstructor]
        cls, data: Tensor, requires_grad: bool = True, **_: Any
    ) -> nn.Parameter:
        kind = cls if data.is_meta else nn.Parameter
        return nn.Parameter.__new__(kind, data.detach(), requires_grad)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call ``func`` as for any parameter, but replace ``empty_like`` with ``zeros_like``."""
        if func is torch.empty_like:
            func = torch.zeros_like
        return torch._C._disabled_torch_function_impl(func, types, args, kwargs or {})  # pyright: ignore[reportCallIssue]
