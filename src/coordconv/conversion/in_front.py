"""Add coordinates to the input of a layer with an unknown ``forward``.

A pointwise convolution of the coordinates is added to the input of the layer. The layer's own
weights are not read or changed, so this works for every layer whose first input has shape
(N, C, *size).
"""

import inspect
from typing import Any

import torch
from torch import nn

from coordconv.conversion.made import made_class, why_not_made
from coordconv.layers.others import CoordinatesInFront

__all__ = ["in_front_kind", "why_not_in_front", "zeros_in_front"]


def why_not_in_front(module: nn.Module) -> str:
    """Return why coordinates cannot be added in front of a layer; "" if they can."""
    name = f"{type(module).__module__}.{type(module).__qualname__}"
    if why_not_made(module):
        return why_not_made(module)
    if "forward" in vars(module):
        return "its forward was replaced on the instance"
    channels = _own(module, "in_channels")
    if not isinstance(channels, int) or channels < 1 or _rank(module) is None:
        return (
            f"{name} must have in_channels and kernel_size, which give the channels and axes of "
            "its input; select a layer inside it instead"
        )
    taken = {"window", "coordinates"} & set(inspect.signature(type(module).forward).parameters)
    if taken:
        return f"the forward of {name} already has an argument {', '.join(map(repr, taken))}"
    first = next(module.parameters(), None)
    if first is not None and not first.dtype.is_floating_point:
        return f"its weights must be floating-point, got {first.dtype}"
    return ""


def in_front_kind(kind: type[nn.Module]) -> type[nn.Module]:
    """Return the subclass of ``kind`` that adds coordinates to its input."""
    return made_class("CoordsThen", CoordinatesInFront, kind)


def zeros_in_front(module: Any, radius: bool) -> nn.Parameter:
    """Return zero coordinate weights with the dtype and device of the layer."""
    rank = _rank(module) or 0
    shape = (module.in_channels, rank + radius, *[1] * rank)
    like = next(module.parameters(), torch.empty(0))
    return nn.Parameter(torch.zeros(shape, dtype=like.dtype, device=like.device))


def _rank(module: nn.Module) -> int | None:
    """Return the number of spatial axes, or None if unknown."""
    kernel = _own(module, "kernel_size")
    return len(kernel) if isinstance(kernel, (tuple, list)) and 1 <= len(kernel) <= 3 else None


def _own(module: nn.Module, name: str) -> Any:
    """Return an attribute of the layer itself, or None if only a wrapped layer has it."""
    of_class = inspect.getattr_static(type(module), name, None)
    return vars(module).get(name, getattr(module, name) if of_class is not None else None)
