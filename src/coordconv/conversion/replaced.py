"""Detect layers that do not compute what their class computes.

The reasons are replaced methods and unusual weights.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parameter import UninitializedParameter, is_lazy
from torch.nn.utils import parametrize

__all__ = [
    "changed_padding",
    "check_methods",
    "replaced_method",
    "replaced_operation",
    "unusual_weight",
]

_HARMLESS = frozenset(("reset_parameters", "extra_repr", "_get_name", "train", "eval"))
_COMPUTING = ("forward", "_conv_forward")


def replaced_method(layer: nn.Module) -> str:
    """Describe the method of a layer that was replaced on the instance; "" if no method was."""
    for name in vars(layer):
        if name not in _HARMLESS and callable(getattr(type(layer), name, None)):
            hint = _hint(layer) if name == "forward" else ""
            return f"its {name} was replaced on the instance{hint}"
    return ""


def check_methods(action: str, layers: Mapping[Any, str]) -> None:
    """Raise if a method of a layer was replaced on the instance, or if its padding was changed.

    Args:
        action: The name of the operation, such as "revert".
        layers: Layers with their names.

    Raises:
        ValueError: If a method of a layer was replaced, or if its padding was changed.
    """
    for find, hint in ((replaced_method, "; delete this attribute first"), (changed_padding, "")):
        reasons = {name: find(layer) for layer, name in layers.items()}
        listed = "; ".join(f"{name!r}: {reason}" for name, reason in reasons.items() if reason)
        if listed:
            raise ValueError(f"cannot {action} {listed}{hint}")


def changed_padding(layer: Any) -> str:
    """Describe the padding of a convolution that torch does not apply; "" if torch applies it.

    Except for zeros, torch computes the margins in the constructor. It ignores later changes of
    ``padding``, and of the sizes that ``"same"`` depends on, but a coordinate layer does not.
    """
    if not isinstance(layer, nn.modules.conv._ConvNd) or layer.padding_mode == "zeros":
        return ""
    plain: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(layer.kernel_size) - 1]
    new = plain(
        *(1, 1, layer.kernel_size, 1, layer.padding, layer.dilation),
        padding_mode=layer.padding_mode,
        device="meta",
    )
    used, wanted = (list(one._reversed_padding_repeated_twice) for one in (layer, new))
    if used == wanted:
        return ""
    return (
        f"with padding_mode={layer.padding_mode!r}, torch ignores that its padding, kernel_size or "
        "dilation was changed after it was created; create a new layer with these values, and copy "
        "the weights"
    )


def replaced_operation(layer: nn.Module, kind: type[nn.Module]) -> str:
    """Describe what was replaced in torch's own convolution; "" if nothing was.

    Args:
        layer: A convolution.
        kind: The class of the layer in torch, without the subclass that torch creates for
            parametrizations.
    """
    if type(layer) is not kind and any(name in vars(type(layer)) for name in _COMPUTING):
        return f"its class {type(layer).__name__} replaces forward"
    torchs_own = vars(inspect.getmodule(nn.modules.conv._ConvNd))
    for name in _COMPUTING:
        method = getattr(kind, name, None)
        if method is not None and getattr(method, "__globals__", None) is not torchs_own:
            return f"torch.nn.{kind.__name__}.{name} was replaced by {_origin(method)}"
    name = _operation(layer)
    operation = getattr(functional, name)
    if not inspect.isbuiltin(operation):
        return f"torch.nn.functional.{name} was replaced by {_origin(operation)}"
    return ""


def unusual_weight(layer: Any, weight: Tensor) -> str:
    """Return why a weight is not a plain floating-point tensor that fits its layer; "" if it is.

    Args:
        layer: The convolution.
        weight: Its weight, or the parameter that it is computed from.
    """
    if hasattr(weight, "ds_id"):
        return "its weights are partitioned by DeepSpeed; convert before initializing DeepSpeed"
    if weight._post_accumulate_grad_hooks:
        return (
            "its weights have a hook on their gradient (such as an optimizer step in the backward "
            "pass), and new weights would not get this hook; convert before registering the hook"
        )
    ordinary = (Tensor, nn.Parameter, UninitializedParameter)
    # Compare FakeTensor by name: importing it imports sympy.
    if type(weight) not in ordinary and type(weight).__name__ != "FakeTensor":
        kind = f"{type(weight).__module__}.{type(weight).__qualname__}"
        return f"its weights must be plain tensors, got {kind}; convert before changing their type"
    if not weight.dtype.is_floating_point:
        return f"its weights must be floating-point, got {weight.dtype}"
    if str(weight.layout) != "torch.strided":
        return f"its weights must be dense, got {weight.layout}; convert them to dense first"
    if is_lazy(weight) or parametrize.is_parametrized(layer, "weight"):
        return ""
    wanted = _shape(layer)
    if tuple(weight.shape) != wanted:
        return (
            f"its weights have shape {list(weight.shape)}, but its channels and kernel_size give "
            f"{list(wanted)}; set these attributes to match the weights"
        )
    return ""


def _shape(layer: Any) -> tuple[int, ...]:
    pair = (layer.out_channels, layer.in_channels // layer.groups)
    if layer.transposed:
        pair = (layer.in_channels, layer.out_channels // layer.groups)
    return (*pair, *layer.kernel_size)


def _operation(layer: Any) -> str:
    return f"conv{'_transpose' if layer.transposed else ''}{len(layer.kernel_size)}d"


def _origin(function: Any) -> str:
    module = getattr(function, "__globals__", {}).get("__name__")
    return f"{module or type(function).__module__}.{getattr(function, '__qualname__', function)}"


def _hint(layer: nn.Module) -> str:
    if "_hf_hook" not in vars(layer):
        return ""
    return (
        " by a hook of accelerate; remove it with "
        "accelerate.hooks.remove_hook_from_module(model, recurse=True) first"
    )
