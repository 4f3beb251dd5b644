"""Decompose coordinate layers into `AddCoords` and convolutions that other tools support."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from coordconv.conversion.examples import Example
from coordconv.conversion.guards import check_holders
from coordconv.conversion.joint_weight import apart, together
from coordconv.conversion.kinds import PAIRS, checked_model, plain_kind
from coordconv.conversion.layer_uses import layer_uses, place_of
from coordconv.conversion.replaced import changed_padding, check_methods
from coordconv.conversion.revert import become_plain
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.decomposed import DECOMPOSED, DecomposedCoordConv, DecomposedLayer
from coordconv.operations import with_margins

__all__ = ["Form", "decompose", "recompose"]

Form = Literal["module", "layer"]


def decompose(
    model: nn.Module, *, form: Form = "module", example: Example | None = None
) -> nn.Module:
    """Turn coordinate layers into layers that append coordinates and have one weight, in place.

    Fusers, pruners, quantizers and adapters only edit the ``weight`` of a convolution. In a
    decomposed layer, ``weight`` holds the data weights and the coordinate weights, so that these
    tools edit both. The outputs are preserved up to rounding. `recompose` reverses the change.

    The layer objects and their hooks are kept, and shared layers stay shared. The layers get new
    parameters, so create the optimizer afterwards.

    A model that reads the weight of a coordinate layer elsewhere, as a tied decoder does, would get
    a weight of another shape. Such a layer cannot be decomposed. It is detected by running the
    model with the example or, without an example, by tracing the model with ``torch.fx``. If the
    model cannot be traced, it is not detected, so pass an example.

    Args:
        model: Any module, including a single coordinate layer.
        form: ``"module"``: each layer becomes a module with two submodules, `AddCoords` as
            ``coords`` and a plain convolution, such as ``torch.nn.Conv2d``, as ``conv``. Use this
            form for tools that replace convolutions (adapters, quantizers, pruners). ``"layer"``:
            each layer becomes a subclass of the plain convolution that appends the coordinates
            itself. Use this form for tools that scale or mask ``weight`` (fusers) and for models
            that read attributes of their convolutions. In both forms, the ``in_channels`` of the
            convolution include the coordinates.
        example: Inputs to call the model with: a tensor, a tuple of arguments, or a mapping of
            keyword arguments. The model is called once in evaluation mode.

    Returns:
        The model.

    Raises:
        ValueError: If ``form`` is unknown. Also if a layer is lazy and uninitialized, is a custom
            subclass, has a parametrized, pruned or tied weight, has a parametrized bias or, with
            ``form="module"``, a pruned bias, or has a parameter that the model reads elsewhere, or
            if its ``weight`` and ``coord_weight`` differ in ``requires_grad`` or dtype. The model
            is then unchanged.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> decompose(nn.Sequential(CoordConv2d(3, 8, 3)))
        Sequential(
          (0): DecomposedCoordConv(
            (coords): AddCoords(radius=False)
            (conv): Conv2d(5, 8, kernel_size=(3, 3), stride=(1, 1))
          )
        )
        >>> decompose(nn.Sequential(CoordConv2d(3, 8, 3)), form="layer")
        Sequential(
          (0): DecomposedConv2d(5, 8, kernel_size=(3, 3), stride=(1, 1), radius=False)
        )
    """
    if form not in get_args(Form):
        raise ValueError(f"`form` must be 'module' or 'layer', got {form!r}")
    checked_model(model)
    layers = {m: name for name, m in model.named_modules() if isinstance(m, CoordinateLayer)}
    check_holders("decompose", model, layers)
    check_methods("decompose", layers)
    owners = _owners(model)
    for layer, name in layers.items():
        reason = _why_not(layer, owners, form)
        if reason:
            raise ValueError(f"cannot decompose {name or 'the model'!r}: {reason}")
    _check_reads(model, layers, example)
    joint = {layer: _joint(layer) for layer in layers}
    for layer in layers:
        _become_decomposed(layer, joint[layer], form)
    return model


def recompose(model: nn.Module) -> nn.Module:
    """Turn the layers that `decompose` made back into coordinate layers, in place.

    Changes that other tools made to the weights are kept. If a coordinate kernel is smaller than
    the data kernel, `decompose` adds zeros around it. If these weights are still zero, the original
    size is restored. Otherwise, the coordinate kernel stays as large as the data kernel.

    Args:
        model: Any module, including a single decomposed layer.

    Returns:
        The model.

    Raises:
        ValueError: If another tool has replaced `AddCoords` or the convolution of a layer, or if
            the convolution has hooks, a parametrized or pruned weight, or a padding that was
            changed. The model is then unchanged.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> recompose(decompose(nn.Sequential(CoordConv2d(3, 8, 3))))
        Sequential(
          (0): CoordConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), radius=False)
        )
    """
    checked_model(model)
    decomposed = {
        module: name
        for name, module in model.named_modules()
        if isinstance(module, (DecomposedCoordConv, DecomposedLayer))
    }
    check_holders("recompose", model, decomposed)
    for module, name in decomposed.items():
        reason = _why_not_back(module)
        if reason:
            raise ValueError(f"cannot recompose {name or 'the model'!r}: {reason}")
    for module in decomposed:
        if isinstance(module, DecomposedCoordConv):
            _put_back(module)
        _become_coordinate(module)
    return model


def _check_reads(model: nn.Module, layers: dict[Any, str], example: Example | None) -> None:
    """Raise if the model reads a parameter of a layer outside of the layer's ``forward``."""
    uses = layer_uses(model, layers, example) if layers else None
    read = [repr(name) for layer, name in layers.items() if uses and layer in uses.read]
    if read:
        raise ValueError(
            f"cannot decompose {', '.join(read)}: the model also reads the parameters outside of "
            "the forward of the layer, and would get a weight of another shape; change the model "
            "to only call the layer"
        )


def _owners(model: nn.Module) -> dict[tuple[int, int], set[nn.Module]]:
    """Return the modules that hold each parameter, keyed by its place in memory."""
    owners: dict[tuple[int, int], set[nn.Module]] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                owners.setdefault(place_of(parameter), set()).add(module)
    return owners


def _why_not(layer: Any, owners: dict[tuple[int, int], set[nn.Module]], form: Form) -> str:
    computed = [name for name in ("weight", "coord_weight") if name not in layer._parameters]
    # A hook that prunes the bias does not move to the new convolution with the bias.
    if (form == "module" or parametrize.is_parametrized(layer)) and "bias" not in layer._parameters:
        computed.append("bias")
    if computed:
        return (
            f"its {' and '.join(computed)} must not be parametrized or pruned; remove the "
            "parametrization or the pruning first"
        )
    if is_lazy(layer.weight) or is_lazy(layer.coord_weight):
        return "it is lazy and has no weights yet; call the model once first"
    if plain_kind(layer) not in DECOMPOSED:
        return "custom subclasses are not supported"
    if any(len(owners[place_of(one)]) > 1 for one in (layer.weight, layer.coord_weight)):
        return "its weight is tied to another layer; replace it with a copy first"
    if layer.weight.requires_grad != layer.coord_weight.requires_grad:
        return (
            "only one of weight and coord_weight is frozen, which a joint weight cannot represent; "
            "set requires_grad of both to the same value"
        )
    if layer.weight.dtype != layer.coord_weight.dtype:
        return (
            "weight and coord_weight must have the same dtype, got "
            f"{layer.weight.dtype} and {layer.coord_weight.dtype}"
        )
    return ""


def _joint(layer: Any) -> nn.Parameter:
    with torch.no_grad():
        coord_weight = with_margins(layer.coord_weight, layer.kernel_size)
        joint = together(layer, layer.weight, coord_weight)
        if layer.weight.dim() == 4 and layer.weight.is_contiguous(
            memory_format=torch.channels_last
        ):
            joint = joint.contiguous(memory_format=torch.channels_last)
    return nn.Parameter(joint, requires_grad=layer.weight.requires_grad)


def _become_decomposed(layer: Any, joint: nn.Parameter, form: Form) -> None:
    plain: Any = plain_kind(layer)
    kept = {
        "radius": layer.radius,
        "convention": layer.convention,
        "coord_kernel_size": layer.coord_kernel_size,
    }
    groups, coordinates = layer.groups, len(layer.kernel_size) + layer.radius
    for_recompose = {"method": layer.method, "_starts_at_zero": layer._starts_at_zero}
    become_plain(layer, plain)
    layer.in_channels += groups * coordinates
    layer.weight = joint
    vars(layer).update(for_recompose)
    if form == "layer":
        layer.__class__ = DECOMPOSED[plain]
        vars(layer).update(kept)
        return
    convolution = _taken_out(layer, plain)
    layer.__class__ = DecomposedCoordConv
    layer.coord_kernel_size = kept.pop("coord_kernel_size")
    layer.coords = AddCoords(**kept, groups=groups)
    layer.coords.train(layer.training)
    layer.conv = convolution


def _taken_out(layer: Any, plain: Any) -> nn.Module:
    """Move the parameters and options, but not the hooks, of a convolution to a new module."""
    convolution = plain.__new__(plain)
    nn.Module.__init__(convolution)
    convolution.training = layer.training
    convolution._parameters.update(layer._parameters)
    layer._parameters.clear()
    for name in _own_attributes(plain):
        vars(convolution)[name] = vars(layer).pop(name)
    return convolution


def _own_attributes(plain: Any) -> set[str]:
    """Return the attributes of a convolution that other modules do not have."""
    return set(vars(plain(1, 1, 1, device="meta"))) - set(vars(nn.Module()))


def _why_not_back(module: Any) -> str:
    convolution = module.conv if isinstance(module, DecomposedCoordConv) else module
    kinds = DECOMPOSED if isinstance(module, DecomposedCoordConv) else DECOMPOSED.values()
    if type(convolution) not in kinds:
        return (
            f"its convolution was replaced with a {type(convolution).__name__}; undo that first, "
            "for example by merging an adapter"
        )
    if isinstance(module, DecomposedCoordConv) and type(module.coords) is not AddCoords:
        return f"its AddCoords was replaced with a {type(module.coords).__name__}; undo that first"
    if "weight" not in convolution._parameters:
        return (
            "its weight must not be parametrized or pruned; remove the parametrization or the "
            "pruning first"
        )
    if changed_padding(convolution):
        return changed_padding(convolution)
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if convolution is not module and any(getattr(convolution, name) for name in hooks):
        return "its convolution has hooks, which would be lost; remove them first"
    return ""


def _become_coordinate(module: Any) -> None:
    plain = next(p for p, kind in DECOMPOSED.items() if p is type(module) or kind is type(module))
    weight, coord_weight = apart(module, module.weight)
    module.in_channels -= module.groups * (len(module.kernel_size) + module.radius)
    kernel = _fitting_kernel(coord_weight, module.coord_kernel_size)
    module.__class__ = PAIRS[plain]
    # Layers that were saved by an older version have no method.
    module._set_options(
        module.radius, module.convention, kernel, vars(module).get("method", "auto")
    )
    learns = module.weight.requires_grad
    module.weight = nn.Parameter(weight, requires_grad=learns)
    small = module._middle_taps(coord_weight).clone(memory_format=torch.contiguous_format)
    module.coord_weight = nn.Parameter(small, requires_grad=learns)
    module.trust_weights()


def _put_back(module: Any) -> None:
    """Merge `AddCoords` and the convolution into one module that has the joint weight."""
    coords, convolution = module.coords, module.conv
    del module.coords, module.conv
    module.__class__ = type(convolution)
    module._parameters.update(convolution._parameters)
    for name in _own_attributes(type(convolution)):
        vars(module)[name] = vars(convolution)[name]
    vars(module).update(radius=coords.radius, convention=coords.convention)


def _fitting_kernel(coord_weight: Tensor, kernel: tuple[int, ...]) -> tuple[int, ...]:
    """Return the size ``kernel`` if all weights outside it are zero, else the full kernel size."""
    inside = torch.ones(kernel, dtype=torch.bool, device=coord_weight.device)
    mask = with_margins(inside[None, None], tuple(coord_weight.shape[2:]))
    outside = coord_weight.masked_fill(mask, 0)
    return kernel if not outside.any() else tuple(coord_weight.shape[2:])
