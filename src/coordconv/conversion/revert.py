"""Convert coordinate layers back to plain convolutions."""

from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from coordconv.conversion.guards import check_holders
from coordconv.conversion.kinds import checked_model, plain_kind
from coordconv.conversion.optimizers import Optimizers, checked_optimizers, leave
from coordconv.conversion.replaced import check_methods
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.decomposed import DecomposedCoordConv, DecomposedLayer
from coordconv.layers.weight_guard import WeightGuard

__all__ = ["become_plain", "revert"]

_EXPANDED = (DecomposedCoordConv, DecomposedLayer)
_OPTIONS = ("radius", "convention", "coord_kernel_size", "method")


def revert(model: nn.Module, *, discard: bool = False, optimizer: Optimizers = None) -> nn.Module:
    """Turn the coordinate layers of a model back into plain convolutions, in place.

    If all coordinate weights are zero, the outputs do not change, and the state dict equals the
    state dict of the plain model, bit for bit.

    Args:
        model: Any module, including a single coordinate layer.
        discard: Also drop coordinate weights that are not zero, which changes the outputs.
        optimizer: An optimizer of the model, or a list of them, from which the coordinate weights
            and their state are removed.

    Returns:
        The model.

    Raises:
        ValueError: If coordinate weights are not zero and ``discard`` is False. Also if a layer was
            changed by `coordconv.decompose` or `coordconv.precompute`, is a custom subclass, has
            parametrized or pruned coordinate weights, or is inside a wrapper that would miss the
            change, or if parameters cannot be removed from ``optimizer``. The model and the
            optimizer are then unchanged.
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import convert
        >>> revert(convert(nn.Sequential(nn.Conv2d(3, 8, 3))))
        Sequential(
          (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
        )
    """
    checked_model(model)
    decomposed = [repr(name) for name, m in model.named_modules() if isinstance(m, _EXPANDED)]
    if decomposed:
        raise ValueError(
            f"cannot revert {', '.join(decomposed)}: decomposed layers must be recomposed; call "
            "coordconv.recompose(model) first"
        )
    found = {m: name for name, m in model.named_modules() if isinstance(m, CoordinateLayer)}
    precomputed = [
        repr(name)
        for name, m in model.named_modules()
        if isinstance(m, WeightGuard) and m not in found
    ]
    if precomputed:
        raise ValueError(
            f"cannot revert {', '.join(precomputed)}: precomputed layers have no coordinate "
            "weights; revert the model that was passed to coordconv.precompute"
        )
    optimizers = checked_optimizers(optimizer)
    check_holders("revert", model, found)
    check_methods("revert", found)
    kinds = {module: plain_kind(module) for module in found}
    strange = [repr(found[module]) for module, kind in kinds.items() if kind is None]
    if strange:
        raise ValueError(f"cannot revert {', '.join(strange)}: custom subclasses are not supported")
    computed = [repr(name) for m, name in found.items() if "coord_weight" not in m._parameters]
    if computed:
        raise ValueError(
            f"cannot revert {', '.join(computed)}: coordinate weights must not be parametrized or "
            "pruned; remove the parametrization or the pruning first"
        )
    used = [f"{name!r} ({_largest(module)})" for module, name in found.items() if _largest(module)]
    if used and not discard:
        raise ValueError(
            f"the coordinate weights of {', '.join(used)} are not zero, so removing them changes "
            "the outputs; pass discard=True to drop them, or use coordconv.precompute to keep the "
            "outputs for fixed input sizes"
        )
    leave(optimizers, [module.coord_weight for module in found])
    for module, kind in kinds.items():
        become_plain(module, kind)
    return model


def _largest(module: CoordinateLayer) -> str:
    """Describe the largest coordinate weight; "" if all are zero."""
    weight = module.coord_weight
    if is_lazy(weight):
        return "not initialized"
    if weight.is_meta:
        return "on the meta device, values unknown"
    largest = weight.detach().abs().max().item() if weight.numel() else 0.0
    return "" if largest == 0 else f"up to {largest:.3g}"


def become_plain(module: Any, kind: Any) -> None:
    """Turn a coordinate layer into a plain layer of class ``kind``."""
    module._forget_weights()
    module.__class__ = kind
    del module.coord_weight
    for name in _OPTIONS:
        delattr(module, name)
    vars(module).pop("_starts_at_zero", None)  # Only converted layers have this attribute.
