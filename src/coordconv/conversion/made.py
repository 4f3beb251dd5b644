"""Coordinate classes for the classes of other libraries, made when they are needed.

Such a class is not in a module where `pickle` could find it, so its layers are pickled by the class
that it is made from, and made again when they are loaded.
"""

import copyreg
from functools import cache
from types import new_class
from typing import Any

import torch
from torch import nn

__all__ = ["Made", "made_class", "made_from", "why_not_made"]

# What a layer gets beyond its own; nothing that it has may have these names.
_NAMES = (
    "coord_weight", "radius", "convention", "coord_kernel_size", "method", "set_options",
    "coord_pad", "with_coordinates", "middle_taps", "made_from", "starts_at_zero",
    "coordinate_tensors", "output_axis",
)  # fmt: skip


class Made(nn.Module):
    """The first base of every class that is made: it pickles and copies layers of such a class."""

    made_from: tuple[str, type[nn.Module], type[nn.Module]]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return how to make the class and the layer again.

        Raises:
            TypeError: If the class it is made from pickles in a way of its own.
        """
        make, arguments, *rest = super().__reduce_ex__(protocol)  # pyright: ignore[reportGeneralTypeIssues, reportAssignmentType]
        if make is not copyreg.__newobj__ or arguments != (type(self),):  # pyright: ignore[reportAttributeAccessIssue]
            raise TypeError(
                f"{type(self).made_from[2].__qualname__} pickles in a way of its own, which would "
                "lose the coordinates; save the state dict"
            )
        return (_made_again, type(self).made_from, *rest)


@cache
def made_class(prefix: str, way: type[nn.Module], plain: type[nn.Module]) -> type[nn.Module]:
    """Return the class of ``plain`` layers that see coordinates by ``way``, always the same one.

    Args:
        prefix: What its name begins with.
        way: The class that goes before ``plain`` among its bases.
        plain: The class of another library, without what a parametrization puts above it.
    """
    members = {
        "made_from": (prefix, way, plain),
        "__module__": plain.__module__,
        "__doc__": f"`{plain.__qualname__}` with coordinates, made by `coordconv.convert`.",
    }
    return new_class(
        f"{prefix}{plain.__name__}", (Made, way, plain), exec_body=lambda body: body.update(members)
    )


def why_not_made(module: nn.Module) -> str:
    """Return why no class can be made for a layer; "" where one can."""
    name = f"{type(module).__module__}.{type(module).__qualname__}"
    if isinstance(module, torch.jit.ScriptModule):
        return f"{name} is compiled; convert before scripting or tracing"
    taken = [one for one in _NAMES if hasattr(module, one)]
    if taken:
        return f"{name} has {', '.join(taken)} of its own, which the coordinates need"
    return ""


def made_from(kind: type[nn.Module]) -> type[nn.Module] | None:
    """Return the class that a class is made from; None if it was not made here."""
    return vars(kind)["made_from"][2] if "made_from" in vars(kind) else None


def _made_again(prefix: str, way: type[nn.Module], plain: type[nn.Module]) -> nn.Module:
    kind = made_class(prefix, way, plain)
    return kind.__new__(kind)
