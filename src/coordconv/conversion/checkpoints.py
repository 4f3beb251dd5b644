"""Convert checkpoints between plain, concatenating and coordinate layers.

A plain layer is an ordinary convolution. A concatenating layer appends the coordinates to its input
as extra channels and convolves the result with a single weight. A coordinate layer, such as
``CoordConv2d``, computes the same output with two weights: ``weight`` for the data and
``coord_weight`` for the coordinates. A conversion only changes the names and the layout of weights.
"""

from collections import OrderedDict
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
        model: The model with coordinate layers, which will load the result. It is not changed.
        state_dict: The state dict of the same model with plain convolutions.

    Returns:
        A state dict that ``model.load_state_dict`` loads with ``strict=True``.

    Raises:
        ValueError: If the state dict already has coordinate weights or lacks the weights of a
            layer, or if a layer in ``model`` is lazy and uninitialized or has parametrized or
            pruned coordinate weights.
        TypeError: If ``state_dict`` is not a state dict.

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
            raise ValueError(f"the state dict must be from a plain model, but it has {key!r}")
        # A parametrized weight has the second prefix. The parameters of a `CoordinatesInFront`
        # layer can have any names, so every key of the state dict is accepted as its weight.
        given = (f"{name}weight", f"{name}parametrizations.weight.")
        if isinstance(layer, CoordinatesInFront):
            given = ("",)
        if not any(one.startswith(given) for one in state_dict):
            raise ValueError(f"the state dict has no weights for {name.rstrip('.')!r}")
        found[key] = torch.zeros_like(layer.coord_weight, device="cpu")
    return found


def from_concatenated(model: nn.Module, state_dict: StateDict) -> dict[str, Tensor]:
    """Split the weights of layers that append the coordinates and then convolve.

    For a layer ``name``, the weight to split is ``name.weight``. If this key is missing, the only
    convolution weight one level below is split, such as ``name.conv.weight`` of a module that
    appends the coordinates and contains the convolution as ``conv``.

    The coordinate layers in ``model`` determine which channels of the weight are coordinates:
    before or after the data, in which order, and with or without a radius. Create the layers with
    the convention of the code that wrote the checkpoint, for example
    ``CoordConv2d(..., radius=True, convention="mkocabas")``. A wrong ``radius`` is detected from
    the shapes, but a wrong order of x and y is not.

    Args:
        model: The model with coordinate layers. It is not changed.
        state_dict: The state dict of the same model with concatenating layers.

    Returns:
        A state dict for ``model``.

    Raises:
        ValueError: If the weight of a layer is missing from the state dict, has an unexpected shape
            or is not floating-point. Also if a layer in ``model`` is lazy and uninitialized, has
            parametrized or pruned weights, was converted from a class with a custom ``forward``, or
            has a ``coord_kernel_size`` that differs from its ``kernel_size``.
        TypeError: If ``state_dict`` is not a state dict.

    Example:
        >>> from coordconv import CoordConv2d
        >>> layer = CoordConv2d(3, 8, 1, convention="wizaron")
        >>> joint = {"weight": torch.randn(8, 5, 1, 1), "bias": torch.randn(8)}
        >>> layer.load_state_dict(from_concatenated(layer, joint), strict=True)
        <All keys matched successfully>
        >>> torch.equal(layer.coord_weight, joint["weight"][:, :2])  # coordinates come first
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
    """Join the two weights of each coordinate layer into the weight of a concatenating layer.

    Args:
        model: The model with coordinate layers. It is not changed.

    Returns:
        The state dict of the same model with concatenating layers. For each layer ``name``, it has
        a single weight over the data channels and the coordinate channels, ``name.weight``. The
        convention of the layer determines whether the coordinates come before or after the data. In
        a layer with groups, each group has its own coordinate channels.

    Raises:
        ValueError: If the ``coord_kernel_size`` of a layer differs from its ``kernel_size``, or if
            a layer is lazy and uninitialized, has parametrized or pruned weights, or was converted
            from a class with a custom ``forward``.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> {name: tuple(one.shape) for name, one in to_concatenated(CoordConv2d(3, 8, 1)).items()}
        {'weight': (8, 5, 1, 1), 'bias': (8,)}
    """
    found: dict[str, Tensor] = checked_model(model).state_dict()
    for name, layer in _layers(model):
        if layer.coord_kernel_size != layer.kernel_size:
            raise ValueError(
                f"{name.rstrip('.')!r} has coord_kernel_size={layer.coord_kernel_size} and "
                f"kernel_size={layer.kernel_size}; they must be equal to join the weights"
            )
        coord_weight = found.pop(f"{name}coord_weight")
        found[f"{name}weight"] = together(layer, found[f"{name}weight"], coord_weight)
    return found


def _checked(model: nn.Module, state_dict: StateDict) -> dict[str, Tensor]:
    """Return a copy of a state dict, with its module versions, or raise if it is not one."""
    checked_model(model)
    if not isinstance(state_dict, Mapping) or not all(isinstance(key, str) for key in state_dict):
        raise TypeError(
            "`state_dict` must be a mapping from names to tensors, as for load_state_dict, got "
            f"{type(state_dict).__name__}"
        )
    nested = [key for key, value in state_dict.items() if isinstance(value, Mapping)]
    if nested:
        raise ValueError(
            f"`state_dict` contains nested mappings under {', '.join(map(repr, nested))}; pass one "
            "of these mappings"
        )
    copy: Any = OrderedDict(state_dict)
    versions = getattr(state_dict, "_metadata", None)
    if versions is not None:  # Without them, modules load their weights as those of version 1.
        copy._metadata = versions
    return copy


def _layers(model: nn.Module, *plain: str) -> Iterator[tuple[str, Any]]:
    """Yield the key prefix and the module of every coordinate layer, once per name of the layer.

    The prefix is the name followed by a dot, or "" if the model itself is the layer. The weights
    named in ``plain`` must not be parametrized or pruned. If no names are given, ``weight`` and
    ``coord_weight`` are checked, and layers with a custom ``forward`` are rejected.
    """
    for name, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, CoordinateLayer):
            if not plain and isinstance(module, (CoordinatesBeside, CoordinatesInFront)):
                raise ValueError(
                    f"{name!r} is a {type(module).__name__} with a custom forward; its weights "
                    "cannot be joined with the coordinate weights"
                )
            if is_lazy(getattr(module, "weight", module.coord_weight)) or is_lazy(
                module.coord_weight
            ):
                raise ValueError(
                    f"{name!r} is lazy and has no weights yet; call the model once first"
                )
            for weight in plain or ("weight", "coord_weight"):
                if weight not in module._parameters:
                    raise ValueError(
                        f"the {weight} of {name!r} must not be parametrized or pruned; remove the "
                        "parametrization or the pruning first"
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
        some = "nothing" if not inside else " and ".join(f"'{one}weight'" for one in inside)
        raise ValueError(
            f"expected the weight of {name.rstrip('.') or 'the model'!r} as '{name}weight' or one "
            f"level below, found {some}"
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
            f"{'with' if layer.radius else 'without'} a radius; check the radius, channels and "
            "groups of the layer"
        )
    if layer.coord_kernel_size != layer.kernel_size:
        raise ValueError(
            f"{name.rstrip('.')!r} has coord_kernel_size={layer.coord_kernel_size} and "
            f"kernel_size={layer.kernel_size}; they must be equal to load a concatenated weight"
        )
