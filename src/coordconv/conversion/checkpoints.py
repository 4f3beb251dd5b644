"""Checkpoints of plain models, and of layers that concatenate, for models with coordinate layers.

Only the names and the layout of weights differ: a layer that concatenates has one weight over data
and coordinates, ours has one for each.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.conversion.joint_weight import apart, coordinate_axis, together
from coordconv.conversion.kinds import checked_model
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.others import CoordinatesBeside, CoordinatesInFront

__all__ = ["from_concatenated", "from_plain", "to_concatenated"]

StateDict = Mapping[str, Tensor]


def from_plain(model: nn.Module, state_dict: StateDict) -> dict[str, Tensor]:
    """Add zero coordinate weights to the state dict of a plain model.

    Args:
        model: The same model with coordinate layers. It is not changed.
        state_dict: That of the model with plain convolutions.

    Returns:
        A state dict that ``model.load_state_dict`` takes with ``strict=True``.

    Raises:
        ValueError: If the state dict has coordinate weights, or lacks a layer's weights, or the
            model's coordinate weights are parametrized or pruned.
        TypeError: If it is no state dict.

    Example:
        >>> from coordconv import convert
        >>> plain = nn.Sequential(nn.Conv2d(3, 8, 3))
        >>> model = convert(nn.Sequential(nn.Conv2d(3, 8, 3)))
        >>> model.load_state_dict(from_plain(model, plain.state_dict()), strict=True)
        <All keys matched successfully>
    """
    found = _checked(model, state_dict)
    for name, layer in _layers(model, "coord_weight"):
        key = f"{name}coord_weight"
        if key in found:
            raise ValueError(f"the state dict is not of a plain model: it has {key!r}")
        # Computed weights begin with the second; in front of a layer, its weights do not matter.
        given = (f"{name}weight", f"{name}parametrizations.weight.")
        if isinstance(layer, CoordinatesInFront):
            given = ("",)
        if not any(one.startswith(given) for one in state_dict):
            raise ValueError(f"the state dict has no weights for {name.rstrip('.')!r}")
        found[key] = torch.zeros_like(layer.coord_weight, device="cpu")
    return found


def from_concatenated(model: nn.Module, state_dict: StateDict) -> dict[str, Tensor]:
    """Take apart the weights of layers that append coordinates and then convolve.

    The weight of a layer ``name`` is looked for under ``name.weight``, as where the coordinates
    are appended outside, and under ``name.conv.weight`` and the like, as where the convolution
    lies in a layer that appends them. Where the coordinates stand, in which order and with which
    radius is the convention of the model's layer: make it with that of the code that the weights
    are from, ``CoordConv2d(..., radius=True, convention="mkocabas")`` for example. Shapes tell a
    radius too many or too few; they cannot tell x from y.

    Args:
        model: The model with coordinate layers. It is not changed.
        state_dict: That of the same model whose coordinate layers concatenate.

    Returns:
        A state dict for the model, in its names.

    Raises:
        ValueError: If a layer's weight is not there, or has another shape or no floating-point
            numbers; or if the layer's own are parametrized or pruned.
        TypeError: If it is no state dict.

    Example:
        >>> from coordconv import CoordConv2d
        >>> layer = CoordConv2d(3, 8, 1, convention="wizaron")
        >>> joint = {"weight": torch.randn(8, 5, 1, 1), "bias": torch.randn(8)}
        >>> layer.load_state_dict(from_concatenated(layer, joint), strict=True)
        <All keys matched successfully>
        >>> torch.equal(layer.coord_weight, joint["weight"][:, :2])  # before the data
        True
    """
    found = _checked(model, state_dict)
    for name, layer in _layers(model):
        prefix = _prefix_of(name, state_dict)
        joint = found.pop(f"{prefix}weight")
        _check(name, layer, joint)
        found[f"{name}weight"], found[f"{name}coord_weight"] = apart(layer, joint)
        if f"{prefix}bias" in found:
            found[f"{name}bias"] = found.pop(f"{prefix}bias")
    return found


def to_concatenated(model: nn.Module) -> dict[str, Tensor]:
    """Return the state dict of the same model whose coordinate layers concatenate.

    Args:
        model: The model with coordinate layers. It is not changed.

    Returns:
        Its state dict with one weight for data and coordinates, under ``name.weight``; the
        coordinates stand on the side of the layer's convention. A layer with groups needs its
        coordinates beside the data of each group.

    Raises:
        ValueError: If a layer has a smaller kernel for its coordinates, no weights yet, or weights
            that are parametrized or pruned.
        TypeError: If the model is none.

    Example:
        >>> from coordconv import CoordConv2d
        >>> {name: tuple(one.shape) for name, one in to_concatenated(CoordConv2d(3, 8, 1)).items()}
        {'weight': (8, 5, 1, 1), 'bias': (8,)}
    """
    found = dict(checked_model(model).state_dict())
    for name, layer in _layers(model):
        if layer.coord_kernel_size != layer.kernel_size:
            raise ValueError(
                f"{name.rstrip('.')!r} has a kernel of {layer.coord_kernel_size} for its "
                f"coordinates and one of {layer.kernel_size} for its data: one weight cannot hold "
                "both"
            )
        coord_weight = found.pop(f"{name}coord_weight")
        found[f"{name}weight"] = together(layer, found[f"{name}weight"], coord_weight)
    return found


def _checked(model: nn.Module, state_dict: StateDict) -> dict[str, Tensor]:
    """A copy of a state dict, if it is one."""
    checked_model(model)
    if not isinstance(state_dict, Mapping) or not all(isinstance(key, str) for key in state_dict):
        raise TypeError(
            "state_dict must be a mapping from names to tensors, as load_state_dict takes it, got "
            f"{type(state_dict).__name__}"
        )
    nested = [key for key, value in state_dict.items() if isinstance(value, Mapping)]
    if nested:
        raise ValueError(
            f"the state dict holds others, under {', '.join(map(repr, nested))}: pass one of them"
        )
    return dict(state_dict)


def _layers(model: nn.Module, *plain: str) -> Iterator[tuple[str, Any]]:
    """Every coordinate layer under each of its names, which end in a point or are empty.

    Weights under ``plain``, or else all, have to be parameters and not computed from others.
    """
    for name, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, CoordinateLayer):
            if not plain and isinstance(module, CoordinatesBeside | CoordinatesInFront):
                raise ValueError(
                    f"{name!r} is of class {type(module).__name__}, which has a forward of its "
                    "own: its weights and those of the coordinates are not one weight"
                )
            if is_lazy(getattr(module, "weight", module.coord_weight)) or is_lazy(
                module.coord_weight
            ):
                raise ValueError(f"{name!r} does not know its channels yet: call the model once")
            for weight in plain or ("weight", "coord_weight"):
                if weight not in module._parameters:
                    raise ValueError(
                        f"the {weight} of {name!r} is computed from others, by a parametrization "
                        "or by pruning; remove that first"
                    )
            yield f"{name}." if name else "", module


def _prefix_of(name: str, state_dict: StateDict) -> str:
    if f"{name}weight" in state_dict:
        return name
    inside = [
        key.removesuffix("weight")
        for key, value in state_dict.items()
        if key.startswith(name)
        and key.endswith(".weight")
        and key.count(".") == name.count(".") + 1
        and isinstance(value, Tensor)
        and value.dim() > 2
    ]
    if len(inside) != 1:
        some = "none" if not inside else " and ".join(f"{one}weight" for one in inside)
        raise ValueError(
            f"the weight of {name.rstrip('.') or 'the model'!r} is looked for as '{name}weight' or "
            f"one level below, and found is {some}"
        )
    return inside[0]


def _check(name: str, layer: Any, joint: Tensor) -> None:
    if (
        not isinstance(joint, Tensor)
        or not joint.is_floating_point()
        or joint.layout != torch.strided
    ):
        what = type(joint).__name__
        if isinstance(joint, Tensor):
            what = f"{joint.dtype}, {joint.layout}"
        raise ValueError(
            f"the weight for {name.rstrip('.') or 'the model'!r} must be a dense floating-point "
            f"tensor, got {what}"
        )
    per_group = layer.in_channels // layer.groups + layer.coord_weight.shape[coordinate_axis(layer)]
    if layer.transposed:
        wanted = (per_group * layer.groups, *layer.weight.shape[1:])
    else:
        wanted = (layer.out_channels, per_group, *layer.kernel_size)
    if tuple(joint.shape) != wanted:
        raise ValueError(
            f"the weight for {name.rstrip('.') or 'the model'!r} has shape {list(joint.shape)}, "
            f"expected {list(wanted)}: {layer.in_channels} data channels, {layer.groups} group(s), "
            f"{'with' if layer.radius else 'without'} a radius. A radius, other channels or groups "
            "make the difference"
        )
    if layer.coord_kernel_size != layer.kernel_size:
        raise ValueError(
            f"{name.rstrip('.')!r} has a smaller kernel for its coordinates: a concatenated weight "
            "does not fit"
        )
