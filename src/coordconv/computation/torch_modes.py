"""Modes of torch that change how a layer may be computed: autocast, tracing and transforms."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch

__all__ = ["is_in_autocast", "is_traced", "may_write_in_place", "without_autocast"]

Result = TypeVar("Result")


def is_traced() -> bool:
    """Whether ``torch.jit.trace`` records the call."""
    return torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def may_write_in_place() -> bool:
    """Whether an output may be changed in place.

    Under ``torch.func``, a batched tensor cannot be written into a tensor that is not batched. In
    compiled code, the compiler decides what to compute in place. A dispatch mode may keep the
    output of a convolution, as selective activation checkpointing does.
    """
    return not (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack()
    )


def without_autocast(device_type: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """Return ``function(*arguments)``, computed with autocast disabled.

    Args:
        device_type: Device type of the data, such as ``"cuda"``.
        function: Called with the arguments.
        arguments: Passed to the function.
    """
    if not is_in_autocast(device_type):
        return function(*arguments)
    with torch.autocast(device_type, enabled=False):
        return function(*arguments)


def is_in_autocast(device_type: str) -> bool:
    """Whether autocast is enabled for this type of device."""
    return _has_autocast(device_type) and torch.is_autocast_enabled(device_type)


def _has_autocast(device_type: str) -> bool:
    if device_type in ("cpu", "cuda"):
        return True
    # torch 2.7 cannot trace is_autocast_available. The decorators of torch.compiler could exclude
    # it from a graph, but they import torch._dynamo.
    if torch.compiler.is_compiling():
        return device_type != "meta"
    return torch.amp.is_autocast_available(device_type)
