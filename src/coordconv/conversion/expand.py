"""From coordinate layers to `AddCoords` and plain convolutions, for tools that rewrite weights."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.conversion.guards import check_holders
from coordconv.conversion.joint_weight import apart, together
from coordconv.conversion.kinds import PAIRS, checked_model, plain_kind
from coordconv.conversion.replaced import check_methods
from coordconv.conversion.revert import become_plain
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.expanded import EXPANDED, ExpandedCoordConv, ExpandedLayer
from coordconv.operations import with_margins

__all__ = ["Form", "collapse", "expand"]

Form = Literal["module", "layer"]


def expand(model: nn.Module, *, form: Form = "module") -> nn.Module:
    """Turn coordinate layers into "append, then convolve" with one joint weight, in place.

    Fusers, pruners, quantizers and adapters know the ``weight`` of a convolution and nothing of
    coordinate weights beside it. In this form ``weight`` holds both, so that what a tool does to it
    is done to both. The outputs are preserved to rounding; `collapse` takes the form back.

    The layers stay the objects that they are, so that shared layers and hooks stay. Their
    parameters are new: make the optimizer afterwards.

    Args:
        model: Any module; it may be a coordinate layer itself.
        form: ``"module"``: each layer becomes a module with `AddCoords` as ``coords`` and a plain
            ``torch.nn.Conv2d`` or the like as ``conv``, for tools that put another layer in the
            place of a convolution (adapters, quantizers, pruners). ``"layer"``: each becomes one
            subclass of ``torch.nn.Conv2d`` or the like, which appends the coordinates itself, for
            tools that scale or mask ``weight`` (fusers) and for models that read attributes of
            their convolutions. ``in_channels`` counts the coordinates in both.

    Returns:
        The model.

    Raises:
        ValueError: If the form is unknown, or a layer is lazy or a custom subclass, or has a weight
            that is parametrized, pruned, tied to that of another layer or frozen without the other.
            The model is then as it was.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> expand(nn.Sequential(CoordConv2d(3, 8, 3)))
        Sequential(
          (0): ExpandedCoordConv(
            (coords): AddCoords(radius=False)
            (conv): Conv2d(5, 8, kernel_size=(3, 3), stride=(1, 1))
          )
        )
        >>> expand(nn.Sequential(CoordConv2d(3, 8, 3)), form="layer")
        Sequential(
          (0): ExpandedConv2d(5, 8, kernel_size=(3, 3), stride=(1, 1), radius=False)
        )
    """
    if form not in get_args(Form):
        raise ValueError(f"form must be 'module' or 'layer', got {form!r}")
    checked_model(model)
    layers = {m: name for name, m in model.named_modules() if isinstance(m, CoordinateLayer)}
    check_holders("expand", model, layers)
    check_methods("expand", layers)
    owners = _owners(model)
    for layer, name in layers.items():
        reason = _why_not(layer, owners)
        if reason:
            raise ValueError(f"cannot expand {name or 'the model'!r}: {reason}")
    joint = {layer: _joint(layer) for layer in layers}
    for layer in layers:
        _become_expanded(layer, joint[layer], form)
    return model


def collapse(model: nn.Module) -> nn.Module:
    """Turn what `expand` made back into coordinate layers, in place.

    The weights come back as they are now, so that nothing is lost that a tool did to them. A layer
    with a smaller kernel for its coordinates gets it back if the weights outside of it are still
    zero, and one as large as the other kernel if they are not.

    Args:
        model: Any module; it may be an expanded layer itself.

    Returns:
        The model.

    Raises:
        ValueError: If another tool still has its own layer in the place of a convolution, or a
            weight is parametrized or pruned. The model is then as it was.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> collapse(expand(nn.Sequential(CoordConv2d(3, 8, 3))))
        Sequential(
          (0): CoordConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), radius=False)
        )
    """
    checked_model(model)
    expanded = {
        module: name
        for name, module in model.named_modules()
        if isinstance(module, ExpandedCoordConv | ExpandedLayer)
    }
    check_holders("collapse", model, expanded)
    for module, name in expanded.items():
        reason = _why_not_back(module)
        if reason:
            raise ValueError(f"cannot collapse {name or 'the model'!r}: {reason}")
    for module in expanded:
        if isinstance(module, ExpandedCoordConv):
            _put_back(module)
        _become_coordinate(module)
    return model


def _owners(model: nn.Module) -> dict[int, set[nn.Module]]:
    """Return which modules hold each parameter, by its identity."""
    owners: dict[int, set[nn.Module]] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            owners.setdefault(id(parameter), set()).add(module)
    return owners


def _why_not(layer: Any, owners: dict[int, set[nn.Module]]) -> str:
    computed = [name for name in ("weight", "coord_weight") if name not in layer._parameters]
    if computed:
        return (
            f"its {' and '.join(computed)} is computed from others, by a parametrization or by "
            "pruning; remove that first"
        )
    if is_lazy(layer.weight) or is_lazy(layer.coord_weight):
        return "it does not know its channels yet: call the model once"
    if plain_kind(layer) not in EXPANDED:
        return "custom subclasses are not supported"
    if any(len(owners[id(one)]) > 1 for one in (layer.weight, layer.coord_weight)):
        return "its weight is tied to that of another layer; untie it first, with a copy"
    if layer.weight.requires_grad != layer.coord_weight.requires_grad:
        return (
            "one of weight and coord_weight is frozen and the other is not, which one joint weight "
            "cannot be; call requires_grad_ on both alike"
        )
    if layer.weight.dtype != layer.coord_weight.dtype:
        return f"weight is {layer.weight.dtype}, coord_weight {layer.coord_weight.dtype}"
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


def _become_expanded(layer: Any, joint: nn.Parameter, form: Form) -> None:
    plain: Any = plain_kind(layer)
    kept = {
        "radius": layer.radius,
        "convention": layer.convention,
        "coord_kernel_size": layer.coord_kernel_size,
    }
    groups, coordinates = layer.groups, len(layer.kernel_size) + layer.radius
    become_plain(layer, plain)
    layer.in_channels += groups * coordinates
    layer.weight = joint
    if form == "layer":
        layer.__class__ = EXPANDED[plain]
        vars(layer).update(kept)
        return
    convolution = _taken_out(layer, plain)
    layer.__class__ = ExpandedCoordConv
    layer.coord_kernel_size = kept.pop("coord_kernel_size")
    layer.coords = AddCoords(**kept, groups=groups)
    layer.coords.train(layer.training)
    layer.conv = convolution


def _taken_out(layer: Any, plain: Any) -> nn.Module:
    """Move what makes a module a convolution into one of its own; hooks and names stay."""
    convolution = plain.__new__(plain)
    nn.Module.__init__(convolution)
    convolution.training = layer.training
    convolution._parameters.update(layer._parameters)
    layer._parameters.clear()
    for name in _own_attributes(plain):
        vars(convolution)[name] = vars(layer).pop(name)
    return convolution


def _own_attributes(plain: Any) -> set[str]:
    """Return the attributes that a convolution has and other modules do not."""
    return set(vars(plain(1, 1, 1, device="meta"))) - set(vars(nn.Module()))


def _why_not_back(module: Any) -> str:
    convolution = module.conv if isinstance(module, ExpandedCoordConv) else module
    kinds = EXPANDED if isinstance(module, ExpandedCoordConv) else EXPANDED.values()
    if type(convolution) not in kinds:
        return (
            f"its convolution is a {type(convolution).__name__} now; take back what another tool "
            "put in its place first, for example by merging an adapter"
        )
    if isinstance(module, ExpandedCoordConv) and type(module.coords) is not AddCoords:
        return f"its coordinates come from a {type(module.coords).__name__} now"
    if "weight" not in convolution._parameters:
        return (
            "its weight is computed from others, by a parametrization or by pruning; remove that "
            "first"
        )
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if convolution is not module and any(getattr(convolution, name) for name in hooks):
        return "its convolution has hooks, which would be lost; remove them first"
    return ""


def _become_coordinate(module: Any) -> None:
    plain = next(p for p, kind in EXPANDED.items() if p is type(module) or kind is type(module))
    weight, coord_weight = apart(module, module.weight)
    module.in_channels -= module.groups * (len(module.kernel_size) + module.radius)
    kernel = _fitting_kernel(coord_weight, module.coord_kernel_size)
    module.__class__ = PAIRS[plain]
    module.set_options(module.radius, module.convention, kernel, "auto")
    learns = module.weight.requires_grad
    module.weight = nn.Parameter(weight, requires_grad=learns)
    small = module.middle_taps(coord_weight).clone(memory_format=torch.contiguous_format)
    module.coord_weight = nn.Parameter(small, requires_grad=learns)
    module.trust_weights()


def _put_back(module: Any) -> None:
    """Make the two modules one convolution again, which still has the joint weight."""
    coords, convolution = module.coords, module.conv
    del module.coords, module.conv
    module.__class__ = type(convolution)
    module._parameters.update(convolution._parameters)
    for name in _own_attributes(type(convolution)):
        vars(module)[name] = vars(convolution)[name]
    vars(module).update(radius=coords.radius, convention=coords.convention)


def _fitting_kernel(coord_weight: Tensor, kernel: tuple[int, ...]) -> tuple[int, ...]:
    """Return the smaller kernel if nothing is outside of it, or else that of the weights."""
    inside = torch.ones(kernel, dtype=torch.bool, device=coord_weight.device)
    mask = with_margins(inside[None, None], tuple(coord_weight.shape[2:]))
    outside = coord_weight.masked_fill(mask, 0)
    return kernel if not outside.any() else tuple(coord_weight.shape[2:])
