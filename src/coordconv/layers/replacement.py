"""Raise an error if another tool replaces a coordinate layer and drops its coordinates.

Many tools replace layers. A tool that fuses or quantizes layers builds a plain layer from the
attributes that it knows, and some adapters compute with ``weight`` directly. These tools call no
method of the old layer, so the layer cannot detect that it is replaced. But torch calls a hook for
every module that is registered as a child, and this file installs such a hook.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook

from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.decomposed import DecomposedLayer

__all__ = ["check_registration"]

_MAP = "coord_map_"
_ADVICE = (
    'Decompose the model first: coordconv.decompose(model, form="module") turns coordinate layers '
    "into AddCoords and a plain convolution, which other tools can edit, and "
    "coordconv.recompose(model) turns them back"
)
# These adapters of PEFT add to the output or to ``weight``, which also works with coordinates.
_ADDITIVE = ("peft.tuners.loha.", "peft.tuners.lokr.")


def check_registration(parent: nn.Module, name: str, child: nn.Module | None) -> None:
    """Raise if a new child would drop coordinates; torch calls this before it registers a module.

    Args:
        parent: The module that gets the child.
        name: The name of the child.
        child: The child, which may replace another module.

    Raises:
        ValueError: If the child replaces a coordinate layer and has its weights but not its
            coordinates, if the child would merge branches that have coordinates, or if an adapter
            of PEFT or LyCORIS that computes with ``weight`` directly gets a coordinate layer. In
            these cases, the parent is not changed.
    """
    if child is None:
        return
    old = vars(parent).get("_modules", {}).get(name)
    if old is not None and old is not child:
        _check_replacement(old, name, child)
    if "reparam" in name and not any(map(_is_aware, child.modules())):
        _check_merged(parent, name)
    kind = type(parent).__module__
    if name == "base_layer" and kind.startswith("peft.") and not kind.startswith(_ADDITIVE):
        _check_adapted(child, f"{kind}.{type(parent).__name__}")
    if type(child).__module__.startswith("lycoris."):
        for layer in vars(child).get("org_module", ()):
            _check_adapted(layer, f"{type(child).__module__}.{type(child).__name__}")


def _check_replacement(old: nn.Module, name: str, child: nn.Module) -> None:
    copied = [one for one in old.modules() if _holds_coordinates(one) and _is_copy(child, one)]
    if copied and not any(map(_is_aware, child.modules())):
        raise ValueError(
            f"{name!r}: a {type(child).__name__} with the weights of a {type(copied[0]).__name__} "
            f"would replace it and drop the coordinates. {_ADVICE}. To drop the coordinates on "
            "purpose, call coordconv.revert(model, discard=True)"
        )


def _check_merged(parent: nn.Module, name: str) -> None:
    """Raise if branches with coordinates are merged, as in RepVGG, MobileOne and timm."""
    branches = [type(one).__name__ for one in parent.modules() if _holds_coordinates(one)]
    if branches:
        raise ValueError(
            f"{name!r}: a {branches[0]} in a branch of a {type(parent).__name__} would be merged "
            "into a plain convolution and lose its coordinates; merge the branches before calling "
            "coordconv.convert"
        )


def _check_adapted(layer: nn.Module, adapter: str) -> None:
    # Also refuse layers whose coordinate weights are zero, because the adapter may create layers
    # of the same class, which initialize their coordinate weights randomly.
    if isinstance(layer, CoordinateLayer) or _holds_coordinates(layer):
        raise ValueError(
            f"{adapter} computes with the weights of a {type(layer).__name__} directly or creates "
            f"more layers of its class, which would drop or add coordinates. {_ADVICE}. Then "
            "target the `conv` inside the layer, such as '0.conv'"
        )


def _is_aware(module: nn.Module) -> bool:
    return isinstance(module, (CoordinateLayer, AddCoords, DecomposedLayer)) or bool(_maps(module))


def _holds_coordinates(module: nn.Module) -> bool:
    """Whether a layer has coordinate weights or precomputed maps that are not all zero."""
    if isinstance(module, CoordinateLayer):
        tensors = [one for name, one in module.named_parameters() if "coord_weight" in name]
    else:
        tensors = _maps(module)
    return any(not _is_known(one) or bool(one.any()) for one in tensors)


def _maps(module: nn.Module) -> list[Tensor]:
    return [
        one for name, one in module._buffers.items() if name.startswith(_MAP) and one is not None
    ]


def _is_copy(child: nn.Module, old: Any) -> bool:
    """Whether the weight of every output channel is about a multiple of the old weight."""
    weight, before = _dense(getattr(child, "weight", None)), _dense(old.weight)
    if weight is None or before is None or weight.numel() != before.numel():
        return False
    ours, theirs = _by_output(weight, old), _by_output(before, old)
    used = ours.any(dim=1)  # A normalization may scale a channel to zero.
    if not used.any():
        return False
    # The cosine of short vectors is not exact, so divide by the largest entry.
    ours, theirs = (one[used] / one[used].abs().amax(1, keepdim=True) for one in (ours, theirs))
    alike = torch.cosine_similarity(ours, theirs, dim=1).abs() > 0.95
    return bool(alike.all())


def _by_output(weight: Tensor, layer: Any) -> Tensor:
    """Return the weights as a matrix with one row per output channel."""
    if not getattr(layer, "transposed", False):
        return weight.reshape(layer.out_channels, -1).double()
    groups = layer.groups
    parts = weight.reshape(groups, layer.in_channels // groups, layer.out_channels // groups, -1)
    return parts.transpose(1, 2).reshape(layer.out_channels, -1).double()


def _dense(weight: Any) -> Tensor | None:
    """Return a weight as a plain tensor, or None if its values are not available."""
    # In quantized layers of torch, ``weight`` is a method. It can also be a submodule.
    if callable(weight) and not isinstance(weight, nn.Module):
        weight = weight()
    if not isinstance(weight, Tensor) or not _is_known(weight):
        return None
    weight = weight.detach()
    if weight.is_mkldnn:
        return weight.to_dense()
    return weight.dequantize() if hasattr(weight, "dequantize") and weight.is_quantized else weight


def _is_known(tensor: Tensor) -> bool:
    return not (tensor.is_meta or nn.parameter.is_lazy(tensor))


register_module_module_registration_hook(check_registration)
