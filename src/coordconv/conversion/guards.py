"""Detect wrappers, hooks and graphs that would miss a change of the parameters of a layer.

For example, ``DistributedDataParallel`` does not average the gradients of parameters that are added
after it was created.
"""

import gc
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

import torch
import torch.fx
from torch import nn

from coordconv.layers.coordinates import CoordinateLayer

__all__ = ["check_holders", "holders", "why_no_convolution"]

_FIRST = "change the model first, then wrap it"
_WRAPPERS: Mapping[str, str] = {
    "DistributedDataParallel": (
        "it is inside a DistributedDataParallel, which only averages the gradients of the "
        f"parameters that it was created with; {_FIRST}"
    ),
    "FullyShardedDataParallel": (
        "it is inside a FullyShardedDataParallel, which only shards the parameters that it was "
        f"created with; {_FIRST}"
    ),
    "FSDPModule": (
        "it is inside a module of fully_shard, which only shards the parameters that existed at "
        "the call; change the model first, then call fully_shard"
    ),
    "ShardedDataParallel": (
        "it is inside a ShardedDataParallel, which only reduces the gradients of the parameters "
        f"that it was created with; {_FIRST}"
    ),
    "DeepSpeedEngine": (
        "it is inside a DeepSpeedEngine, which only trains the parameters that it was created "
        "with; change the model before calling deepspeed.initialize"
    ),
    "FunctionalModule": (
        "it is inside a FunctionalModule, whose parameters are passed to every call; change the "
        "model before calling make_functional"
    ),
    "FunctionalModuleWithBuffers": (
        "it is inside a FunctionalModuleWithBuffers, whose parameters are passed to every call; "
        "change the model before calling make_functional_with_buffers"
    ),
}
_ACROSS_PROCESSES = ("DistributedDataParallel", "FullyShardedDataParallel", "FSDPModule")


def holders(
    model: nn.Module, layers: Collection[nn.Module], *, copied: bool = False
) -> dict[nn.Module, str]:
    """Find layers inside a wrapper, hook or graph that would miss a change of their parameters.

    Args:
        model: Any module.
        layers: Layers of the model.
        copied: Whether a copy of the model will be changed instead of the model. Wrappers around
            the model then do not matter.

    Returns:
        The affected layers, with the reason for each.
    """
    found: dict[nn.Module, str] = {}
    for holder in _inside_and_around(model, set(layers), around=not copied):
        reason = _reason(holder)
        for layer in _held_by(holder).intersection(layers) if reason else ():
            found.setdefault(layer, reason)
    return found


def check_holders(
    action: str, model: nn.Module, layers: Mapping[Any, str], *, copied: bool = False
) -> None:
    """Raise if a wrapper, hook or graph would miss a change of the layers.

    Args:
        action: The name of the operation, such as "revert".
        model: Any module.
        layers: Layers of the model with their names.
        copied: As in `holders`.

    Raises:
        ValueError: If there is such a wrapper, hook or graph, or if the model itself contains a
            graph from torch.jit or torch.export with coordinate weights.
    """
    graphs = [name for name, one in model.named_modules() if _is_in_a_graph(one)]
    if graphs:
        raise ValueError(
            f"cannot {action} {', '.join(map(repr, graphs))}: part of a graph from torch.jit or "
            f"torch.export; {action} the original model instead"
        )
    found = holders(model, layers, copied=copied)
    if found:
        listed = "; ".join(f"{layers[layer]!r}: {reason}" for layer, reason in found.items())
        hint = ". Alternatively, pass the model inside the wrapper" if copied else ""
        raise ValueError(f"cannot {action} {listed}{hint}")


def why_no_convolution(model: nn.Module) -> str:
    """Return why a model may compute convolutions without ``nn.Module`` layers; "" if it does not.

    Only models from torch.jit and torch.fx are detected.
    """
    for name, module in model.named_modules():
        where = f"{name!r}" if name else "the model"
        if isinstance(module, torch.jit.ScriptModule):
            return (
                f"{where} is a torch.jit.ScriptModule, whose code cannot be changed; change the "
                "model before tracing or scripting it"
            )
        if isinstance(module, torch.fx.GraphModule):
            return (
                f"{where} is a torch.fx.GraphModule that calls functions instead of layers; "
                "change the model before exporting or tracing it"
            )
    return ""


def _inside_and_around(
    model: nn.Module, layers: set[nn.Module], around: bool
) -> Iterator[nn.Module]:
    yield from model.modules()
    # A model has no reference to its wrapper, so all objects must be searched. This is only needed
    # in a process group, because wrappers do not exist without one.
    if around and _are_processes_joined():
        yield from _wrappers_of(layers)


def _are_processes_joined() -> bool:
    distributed = sys.modules.get("torch.distributed")  # Do not import it for this check.
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def _wrappers_of(layers: set[nn.Module]) -> list[Any]:
    if _living_wrappers(layers):
        gc.collect()  # Ignore wrappers that are no longer referenced.
    return _living_wrappers(layers)


def _living_wrappers(layers: set[nn.Module]) -> list[Any]:
    # isinstance reads __class__, which may raise for proxy objects.
    named = cache(lambda kind: issubclass(kind, nn.Module) and _named(kind, _ACROSS_PROCESSES))
    found = [one for one in gc.get_objects() if named(type(one)) and "_modules" in vars(one)]
    return [one for one in found if not layers.isdisjoint(one.modules())]


def _named(kind: type, names: Collection[str]) -> str:
    """Return the first of these names that a class or one of its bases has, or ""."""
    return next((base.__name__ for base in kind.__mro__ if base.__name__ in names), "")


def _reason(holder: nn.Module) -> str:
    if isinstance(holder, torch.fx.GraphModule):
        return (
            "it is inside a torch.fx.GraphModule whose graph does not call it; change the model "
            "before tracing it"
        )
    wrapper = _named(type(holder), _WRAPPERS)
    if not wrapper and "_is_fsdp_managed_module" in vars(holder):
        wrapper = "FSDPModule"
    if wrapper:
        return _WRAPPERS[wrapper]
    forward = vars(holder).get("forward")
    if getattr(forward, "__module__", None) == "torch.cuda.graphs":
        return (
            "it is inside a module of make_graphed_callables, which replays a recorded graph; "
            "change the model before calling make_graphed_callables"
        )
    hook = vars(holder).get("_hf_hook")
    if any(_offloads(one) for one in getattr(hook, "hooks", [hook])):
        return (
            "a hook of accelerate only offloads the weights that existed when it was added; call "
            "accelerate.hooks.remove_hook_from_module(model, recurse=True) first"
        )
    return ""


def _offloads(hook: Any) -> bool:
    return getattr(hook, "offload", False) and getattr(hook, "place_submodules", False)


def _held_by(holder: nn.Module) -> set[nn.Module]:
    """Return the modules inside a wrapper; for a graph, only modules that it does not call."""
    held = set(holder.modules())
    if isinstance(holder, torch.fx.GraphModule):
        for node in holder.graph.nodes:
            if node.op == "call_module":
                held.difference_update(holder.get_submodule(str(node.target)).modules())
    return held


def _is_in_a_graph(module: nn.Module) -> bool:
    # In a graph of torch.jit or torch.export, coordinate weights are in modules of torch classes.
    ours = isinstance(module, CoordinateLayer) or not type(module).__module__.startswith("torch.")
    return not ours and "coord_weight" in dict(module.named_parameters(recurse=False))
