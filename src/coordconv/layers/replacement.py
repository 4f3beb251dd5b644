"""Refuse what would take the place of a coordinate layer and lose its coordinates.

Many tools replace a layer: a fuser or a quantizer builds a plain one from the attributes that it
knows, and some adapters compute with ``weight`` themselves. No method of the old layer is called,
so the layer cannot refuse. But a module that is registered under a name is announced by torch.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook

from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.expanded import ExpandedLayer

__all__ = ["check_registration"]

_MAP = "coord_map_"
_ADVICE = (
    'Expand the model first: coordconv.expand(model, form="module") turns coordinate layers into '
    "AddCoords and a plain convolution, which any tool may rewrite, and coordconv.collapse(model) "
    "turns them back"
)
# These add a difference to the output or to ``weight``, which is right with coordinates too.
_ADDITIVE = ("peft.tuners.loha.", "peft.tuners.lokr.")


def check_registration(parent: nn.Module, name: str, child: nn.Module | None) -> None:
    """Refuse a child that loses coordinates; torch calls this before it registers a module.

    Args:
        parent: The module that gets a child.
        name: The name of the child.
        child: The child, which may take the place of another.

    Raises:
        ValueError: If the child has the weights of a coordinate layer that it replaces, without
            its coordinates, if branches with coordinates are about to be merged, or if an adapter
            of PEFT or LyCORIS that computes with ``weight`` itself gets a coordinate layer. The
            parent is then as it was.
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
            f"would take its place and lose the coordinates. {_ADVICE}; to drop the coordinates, "
            "use coordconv.revert(model, discard=True)"
        )


def _check_merged(parent: nn.Module, name: str) -> None:
    """Refuse to merge branches into one convolution, as RepVGG, MobileOne and timm do."""
    branches = [type(one).__name__ for one in parent.modules() if _holds_coordinates(one)]
    if branches:
        raise ValueError(
            f"{name!r}: a {branches[0]} among the branches of a {type(parent).__name__} would be "
            "merged into a plain convolution and lose the coordinates. Merge the branches before "
            "coordconv.convert"
        )


def _check_adapted(layer: nn.Module, adapter: str) -> None:
    # Also where the coordinate weights are zero: the layers that it builds draw their own.
    if isinstance(layer, CoordinateLayer) or _holds_coordinates(layer):
        raise ValueError(
            f"{adapter} computes with the weights of a {type(layer).__name__} itself, or builds "
            f"others of its class, and would lose or add coordinates. {_ADVICE}. The target is "
            "then the `conv` inside the layer, such as '0.conv'"
        )


def _is_aware(module: nn.Module) -> bool:
    return isinstance(module, CoordinateLayer | AddCoords | ExpandedLayer) or bool(_maps(module))


def _holds_coordinates(module: nn.Module) -> bool:
    """Whether a layer computes with coordinates that are not all zero."""
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
    """Whether the weight of every output channel is a multiple of the old one, to a few bits."""
    weight, before = _dense(getattr(child, "weight", None)), _dense(old.weight)
    if weight is None or before is None or weight.numel() != before.numel():
        return False
    ours, theirs = _by_output(weight, old), _by_output(before, old)
    used = ours.any(dim=1)  # a normalization may scale a channel with zero
    alike = torch.cosine_similarity(ours, theirs, dim=1).abs() > 0.95
    return bool(used.any() and alike[used].all())


def _by_output(weight: Tensor, layer: Any) -> Tensor:
    """Return the weights as one row for every output channel."""
    if not getattr(layer, "transposed", False):
        return weight.reshape(layer.out_channels, -1).double()
    groups = layer.groups
    parts = weight.reshape(groups, layer.in_channels // groups, layer.out_channels // groups, -1)
    return parts.transpose(1, 2).reshape(layer.out_channels, -1).double()


def _dense(weight: Any) -> Tensor | None:
    """Return a weight as a plain tensor; None where its values cannot be had."""
    if callable(weight):  # as in the quantized layers of torch
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
