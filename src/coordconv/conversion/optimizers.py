"""Add coordinate weights to existing optimizers, or remove them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize
from torch.optim import Optimizer

__all__ = ["Optimizers", "checked_optimizers", "groups_of", "join", "leave"]

Optimizers = Optimizer | Sequence[Optimizer] | None
Group = tuple[Optimizer, dict[str, Any]]

_HOLDING_PARTS = ("ZeroRedundancyOptimizer", "_NamedOptimizer", "CPUOffloadOptimizer")
_FOREIGN = ("deepspeed.runtime", "fairscale", "horovod")


def checked_optimizers(optimizer: Any) -> list[Optimizer]:
    """Return the optimizers in an argument as a list, without wrappers around them.

    Args:
        optimizer: One optimizer, a list or tuple of optimizers, or None.

    Raises:
        TypeError: If ``optimizer`` is not an optimizer or a sequence of optimizers.
        ValueError: If the parameters of an optimizer cannot be changed.
    """
    given = optimizer if isinstance(optimizer, (list, tuple)) else [optimizer]
    given = [] if optimizer is None else given
    if not all(isinstance(one, Optimizer) for one in given):
        raise TypeError(
            f"`optimizer` must be a torch.optim.Optimizer or a list of them, got {optimizer!r}"
        )
    found = list({id(one): one for one in map(_unwrapped, given)}.values())
    for one in found:
        _check(one)
    return found


def groups_of(
    optimizers: Sequence[Optimizer], layers: Mapping[nn.Module, str]
) -> dict[nn.Module, list[Group]]:
    """Find the parameter groups that hold the weight of each layer.

    Args:
        optimizers: The optimizers to search.
        layers: Convolutions with their names.

    Raises:
        ValueError: If no group holds the weight of a layer.
    """
    found = {layer: _groups_with(optimizers, _trained_weight(layer)) for layer in layers}
    missing = [_with_state(layer, layers[layer]) for layer, groups in found.items() if not groups]
    if optimizers and missing:
        raise ValueError(
            f"the optimizer does not hold the weight of {', '.join(missing)}, so there is no "
            "parameter group for its coordinate weights; convert without `optimizer`, then pass "
            "the parameters whose names end in 'coord_weight' to optimizer.add_param_group"
        )
    return found


def join(model: nn.Module, groups: Mapping[nn.Module, list[Group]]) -> None:
    """Add the coordinate weights of layers to parameter groups, in the order of the model.

    Because of this order, a new optimizer over ``model.parameters()`` can load the state dict of
    the extended optimizer.
    """
    names: dict[Tensor, str] = {one: name for name, one in model.named_parameters()}
    for layer, found in groups.items():
        for optimizer, group in found:
            _insert(layer, group, names)
            _start(optimizer, group, layer)


def leave(optimizers: Sequence[Optimizer], parameters: Sequence[Tensor]) -> None:
    """Remove parameters and their state from optimizers; empty groups are kept."""
    gone = set(parameters)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            kept = [at for at, one in enumerate(group["params"]) if one not in gone]
            for key in ("params", "param_names"):
                if key in group:
                    group[key][:] = [group[key][at] for at in kept]
        for one in gone:
            optimizer.state.pop(one, None)


def _unwrapped(optimizer: Any) -> Any:
    """Return the optimizer inside wrappers of accelerate or Lightning.

    The wrappers share the parameter groups of the optimizer.
    """
    while hasattr(getattr(optimizer, "optimizer", None), "param_groups"):
        optimizer = optimizer.optimizer
    return optimizer


def _check(optimizer: Optimizer) -> None:
    name = type(optimizer).__name__
    origins = {kind.__module__ for kind in type(optimizer).__mro__}
    origins.update(str(getattr(one, "__module__", "")) for one in vars(type(optimizer)).values())
    if any(kind.__name__ in _HOLDING_PARTS for kind in type(optimizer).__mro__) or any(
        origin.startswith(_FOREIGN) for origin in origins
    ):
        raise ValueError(
            f"{name} only handles the parameters that it was created with; create it after the "
            "conversion instead of passing it as `optimizer`"
        )
    if isinstance(optimizer, torch.optim.LBFGS) and optimizer.state:
        raise ValueError(
            "LBFGS keeps a history of its current parameters; create a new one after the "
            "conversion instead of passing it as `optimizer`"
        )


def _groups_with(optimizers: Sequence[Optimizer], weight: Tensor | None) -> list[Group]:
    return [
        (optimizer, group)
        for optimizer in optimizers
        for group in optimizer.param_groups
        if any(one is weight for one in group["params"])
    ]


def _trained_weight(layer: Any) -> Tensor | None:
    """Return the weight of a layer, or the largest parameter that the weight is computed from."""
    if parametrize.is_parametrized(layer, "weight"):
        behind = list(layer.parametrizations["weight"].parameters())
    else:
        named = layer.named_parameters(recurse=False)
        behind = [one for name, one in named if name == "weight" or name.startswith("weight_")]
    return max(behind, key=lambda one: 0 if is_lazy(one) else one.numel(), default=None)


def _with_state(layer: nn.Module, name: str) -> str:
    weight = _trained_weight(layer)
    return f"{name!r}" if weight is None or weight.requires_grad else f"{name!r} (frozen)"


def _insert(layer: Any, group: dict[str, Any], names: Mapping[Tensor, str]) -> None:
    """Insert the coordinate weight after the parameters that precede it in the model.

    Args:
        layer: The layer.
        group: The parameter group.
        names: The names of all parameters of the model, in its order.
    """
    new, weight = layer.coord_weight, _trained_weight(layer)
    order = {one: at for at, one in enumerate(names)}
    before = {
        order[one]: at
        for at, one in enumerate(group["params"])
        if one in order and order[one] < order[new]
    }
    place = before[max(before)] + 1 if before else 0
    if "param_names" in group:
        [known] = [
            name
            for name, one in zip(group["param_names"], group["params"], strict=True)
            if one is weight
        ]
        group["param_names"].insert(place, _beside(layer, weight, known, names))
    group["params"].insert(place, new)


def _beside(layer: Any, weight: Tensor | None, known: str, names: Mapping[Tensor, str]) -> str:
    """Return the name of the coordinate weight, given the name of the weight in its group.

    If the weight is tied, its name in the model may be that in another layer.
    """
    if weight is not None and known.endswith(names[weight]):
        return known.removesuffix(names[weight]) + names[layer.coord_weight]
    own = next(name for name, one in layer.named_parameters() if one is weight)
    return f"{known.removesuffix(own)}coord_weight"


def _start(optimizer: Optimizer, group: dict[str, Any], layer: Any) -> None:
    """Create the state of a coordinate weight, for optimizers that create it in the constructor."""
    new = layer.coord_weight
    if isinstance(optimizer, torch.optim.Adagrad):  # Newer torch creates it in the next step.
        options = {key: value for key, value in group.items() if key in optimizer.defaults}
        optimizer.state[new] = torch.optim.Adagrad([new], **options).state[new]
