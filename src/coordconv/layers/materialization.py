"""Coordinate weights that become zeros if a framework allocates them from the meta device."""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["coordinate_parameter"]


def coordinate_parameter(data: Tensor) -> nn.Parameter:
    """Return a parameter that holds ``data``.

    Some frameworks build a model on the meta device and load a checkpoint. If the checkpoint lacks
    a parameter, they allocate this parameter with ``torch.empty_like``, which does not initialize
    it. For a parameter returned by this function, ``empty_like`` allocates zeros, so the layer
    computes the plain convolution.

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
