"""Map plain layers to coordinate layers and back, and explain why a layer cannot be converted."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from coordconv import layers
from coordconv.conversion.in_front import in_front_kind, why_not_in_front
from coordconv.conversion.known import known_kind
from coordconv.conversion.made import made_from, why_not_made
from coordconv.conversion.replaced import (
    changed_padding,
    replaced_method,
    replaced_operation,
    unusual_weight,
)
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.decomposed import DecomposedCoordConv, DecomposedLayer
from coordconv.layers.weight_guard import WeightGuard

__all__ = [
    "Unknown",
    "check_initialized",
    "checked_model",
    "checked_unknown",
    "coordinate_class",
    "coordinate_kind",
    "is_convolution",
    "own_class",
    "plain_kind",
    "sees_coordinates",
    "stored_weight",
    "why_not",
    "written_class",
]

Unknown = Literal["raise", "in_front"]

PAIRS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: layers.CoordConv1d,
    nn.Conv2d: layers.CoordConv2d,
    nn.Conv3d: layers.CoordConv3d,
    nn.ConvTranspose1d: layers.CoordConvTranspose1d,
    nn.ConvTranspose2d: layers.CoordConvTranspose2d,
    nn.ConvTranspose3d: layers.CoordConvTranspose3d,
    nn.LazyConv1d: layers.LazyCoordConv1d,
    nn.LazyConv2d: layers.LazyCoordConv2d,
    nn.LazyConv3d: layers.LazyCoordConv3d,
    nn.LazyConvTranspose1d: layers.LazyCoordConvTranspose1d,
    nn.LazyConvTranspose2d: layers.LazyCoordConvTranspose2d,
    nn.LazyConvTranspose3d: layers.LazyCoordConvTranspose3d,
}
_WITH_COORDINATES = (CoordinateLayer, DecomposedCoordConv, DecomposedLayer, WeightGuard)
BACK = {coordinate: plain for plain, coordinate in PAIRS.items()}

_FOREIGN = ("torch.ao.nn", "torch.nn.quantized", "torch.nn.qat", "torch.nn.intrinsic", "torchao")


def checked_model(model: object) -> nn.Module:
    """Return the model if it is an ``nn.Module``.

    Raises:
        TypeError: If ``model`` is not an ``nn.Module``.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"`model` must be a torch.nn.Module, got {type(model).__name__}")
    return model


def check_initialized(action: str, model: nn.Module) -> None:
    """Check that no lazy layer of the model is still without weights.

    Args:
        action: What cannot be done with such a model, for the error message.
        model: The model.

    Raises:
        ValueError: If a parameter or buffer is uninitialized.
    """
    tensors = (*model.named_parameters(), *model.named_buffers())
    lazy = [repr(name) for name, one in tensors if is_lazy(one)]
    if lazy:
        raise ValueError(
            f"cannot {action} a model with lazy weights, got {', '.join(lazy)}; call the model "
            "once first"
        )


def checked_unknown(unknown: Unknown) -> Unknown:
    """Return ``unknown`` if it is a valid choice.

    Raises:
        ValueError: If ``unknown`` is not ``"raise"`` or ``"in_front"``.
    """
    if unknown not in get_args(Unknown):
        raise ValueError(f"`unknown` must be 'raise' or 'in_front', got {unknown!r}")
    return unknown


def is_convolution(module: nn.Module) -> bool:
    """Whether a module is a convolution, even if it cannot be converted."""
    kinds = (nn.modules.conv._ConvNd, *_WITH_COORDINATES)
    name = _class_name(module)
    if isinstance(module, torch.jit.ScriptModule):
        return "Conv" in name and name.endswith(("1d", "2d", "3d"))
    return isinstance(module, kinds) or (_is_foreign(module) and "Conv" in name)


def sees_coordinates(module: nn.Module) -> bool:
    """Whether a layer has coordinates; also true after `decompose` and `precompute`."""
    return isinstance(module, _WITH_COORDINATES)


def why_not(module: nn.Module, unknown: Unknown = "raise") -> str:
    """Return why a layer cannot be converted; "" if it can."""
    kind = written_class(module)
    name = f"{type(module).__module__}.{type(module).__qualname__}"
    if isinstance(module, torch.jit.ScriptModule):
        return (
            f"{_class_name(module)} is part of a torch.jit.ScriptModule, whose code cannot be "
            "changed; convert before tracing or scripting"
        )
    if _is_foreign(module):
        return f"{name} is quantized or prepared for quantization; convert before quantizing"
    if sees_coordinates(module):
        return "already a CoordConv layer"
    if _coordinate_class(kind) is None:
        if unknown == "in_front":
            return why_not_in_front(module)
        return (
            f"{name} is a custom convolution whose forward is not known; register it with "
            'coordconv.conversion.register_convolution, or pass unknown="in_front"'
        )
    replaced = replaced_operation(module, kind) if kind in PAIRS else ""
    reason = replaced_method(module) or replaced or why_not_made(module) or changed_padding(module)
    return reason or unusual_weight(module, stored_weight(module))


def coordinate_kind(module: nn.Module) -> type[nn.Module]:
    """Return the class that a layer gets when it is converted.

    For a layer whose ``forward`` is not known, this class adds the coordinates to the input.
    """
    return _in_place_of(module, coordinate_class(module))


def coordinate_class(module: nn.Module) -> type[nn.Module]:
    """Return `coordinate_kind` without the subclass that torch creates for parametrizations."""
    kind = written_class(module)
    return _coordinate_class(kind) or in_front_kind(kind)


def _coordinate_class(kind: type[nn.Module]) -> type[nn.Module] | None:
    return PAIRS.get(kind) or known_kind(kind)


def plain_kind(module: nn.Module) -> type[nn.Module] | None:
    """Return the plain class of a coordinate layer, or None for a custom subclass."""
    kind = written_class(module)
    plain = BACK.get(kind) or made_from(kind)
    return None if plain is None else _in_place_of(module, plain)


def stored_weight(module: nn.Module) -> Tensor:
    """Return the weight of a layer, or the first parameter that a parametrized weight depends on.

    A parametrized weight is not read, because reading can change it: spectral normalization, for
    example, runs a power iteration.
    """
    if parametrize.is_parametrized(module, "weight"):
        return next(module.parametrizations["weight"].parameters())  # pyright: ignore[reportIndexIssue, reportAttributeAccessIssue, reportArgumentType]
    return module.weight  # pyright: ignore[reportReturnType]


def _is_foreign(module: nn.Module) -> bool:
    return type(module).__module__.startswith(_FOREIGN)


def _class_name(module: nn.Module) -> str:
    """Return the class name of a module; for a scripted module, the name of the original class."""
    return str(getattr(module, "original_name", type(module).__name__))


def written_class(module: nn.Module) -> type[nn.Module]:
    """Return the class of a module, without torch's subclass for parametrizations."""
    kind = type(module)
    return kind.__bases__[0] if parametrize.is_parametrized(module) else kind


def _in_place_of(module: nn.Module, kind: type[nn.Module]) -> type[nn.Module]:
    if not parametrize.is_parametrized(module):
        return kind
    return own_class(f"Parametrized{kind.__name__}", kind, type(module))


def own_class(name: str, base: type[nn.Module], like: type[nn.Module]) -> type[nn.Module]:
    """Return a new subclass of ``base`` with the parametrized attributes of class ``like``."""
    made = {key: value for key, value in vars(like).items() if key not in _OF_A_CLASS}
    return type(name, (base,), made)


_OF_A_CLASS = ("__dict__", "__weakref__", "__doc__")
