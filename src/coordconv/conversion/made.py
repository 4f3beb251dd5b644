"""Coordinate classes for the layer classes of other libraries, created on demand.

`pickle` cannot import such a class from a module. Instead, layers are pickled with the original
class, and the coordinate class is created again when the layers are loaded.
"""

import copyreg
import inspect
from functools import cache
from types import new_class
from typing import Any

import torch
from torch import nn

__all__ = ["Made", "made_class", "made_from", "why_not_made"]

# Attributes that conversion adds to a layer. The layer must not already have one of them.
_NAMES = (
    "coord_weight", "radius", "convention", "coord_kernel_size", "method", "_set_options",
    "_coord_pad", "_with_coordinates", "_middle_taps", "_made_from", "_starts_at_zero",
    "_coordinate_tensors", "_output_axis", "_has_meta_coordinates",
)  # fmt: skip


class Made(nn.Module):
    """Mixin of all created classes, which makes it possible to pickle and copy their layers."""

    _made_from: tuple[str, type[nn.Module], type[nn.Module]]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the layer. The model may pass the input by the name that the original class uses."""
        if not arguments and "input" not in options:
            plain: Any = type(self)._made_from[2]
            names = list(inspect.signature(plain.forward).parameters)[1:2]  # The first is `self`.
            arguments = tuple(options.pop(name) for name in names if name in options)
        return super().__call__(*arguments, **options)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return how to create the class and the layer again, for `pickle` and `copy`.

        Raises:
            TypeError: If the original class has a custom ``__reduce_ex__``.
        """
        make, arguments, *rest = super().__reduce_ex__(protocol)  # pyright: ignore[reportGeneralTypeIssues, reportAssignmentType]
        if make is not copyreg.__newobj__ or arguments != (type(self),):  # pyright: ignore[reportAttributeAccessIssue]
            raise TypeError(
                f"{type(self)._made_from[2].__qualname__} has a custom pickle method, which would "
                "lose the coordinates; save the state dict instead"
            )
        return (_made_again, type(self)._made_from, *rest)


@cache
def made_class(prefix: str, way: type[nn.Module], plain: type[nn.Module]) -> type[nn.Module]:
    """Return the class that adds coordinates to layers of class ``plain``.

    The class is created in the first call and then cached.

    Args:
        prefix: Prefix of the name of the new class.
        way: The mixin that adds the coordinates. It comes before ``plain`` in the bases.
        plain: The class of another library. For a parametrized layer, this is the original class,
            not the subclass that torch creates for parametrizations.
    """
    members = {
        "_made_from": (prefix, way, plain),
        "__module__": plain.__module__,
        "__doc__": f"`{plain.__qualname__}` with coordinates, made by `coordconv.convert`.",
    }
    return new_class(
        f"{prefix}{plain.__name__}", (Made, way, plain), exec_body=lambda body: body.update(members)
    )


def why_not_made(module: nn.Module) -> str:
    """Return why no coordinate class can be created for a layer; "" if one can."""
    name = f"{type(module).__module__}.{type(module).__qualname__}"
    if isinstance(module, torch.jit.ScriptModule):
        return f"{name} is compiled; convert before scripting or tracing"
    taken = [one for one in _NAMES if hasattr(module, one)]
    if taken:
        return (
            f"{name} already has the attributes {', '.join(taken)}, which coordinate layers "
            "define; rename them"
        )
    return ""


def made_from(kind: type[nn.Module]) -> type[nn.Module] | None:
    """Return the original class of a class from `made_class`, or None for other classes."""
    return vars(kind)["_made_from"][2] if "_made_from" in vars(kind) else None


def _made_again(prefix: str, way: type[nn.Module], plain: type[nn.Module]) -> nn.Module:
    kind = made_class(prefix, way, plain)
    return kind.__new__(kind)
