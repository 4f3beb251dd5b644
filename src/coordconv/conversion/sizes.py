"""Record the input sizes of layers, and temporarily change the mode and hooks of a model."""

from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Size", "can_be_observed", "evaluating", "sizes_seen", "without_hooks"]

Size = tuple[int, ...]


def sizes_seen(
    model: nn.Module,
    layers: dict[Any, str],
    example: tuple[Any, ...],
    options: dict[str, Any],
    refuse: Callable[[str, tuple[Any, ...], dict[str, Any]], None] | None = None,
) -> dict[Any, list[Size]]:
    """Call a model in evaluation mode and record the input sizes of each layer.

    Args:
        model: The model; it is not changed.
        layers: The layers to record, with their names.
        example: Arguments to call the model with.
        options: Keyword arguments to call the model with.
        refuse: Called for each call of a layer, with the name, the arguments and the keyword
            arguments. It may raise an error.

    Raises:
        ValueError: If the call of the model does not reach a layer.
        TypeError: If the input of a layer is not a tensor.
    """
    sizes: dict[nn.Module, list[Size]] = {layer: [] for layer in layers}

    def note(layer: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        if refuse is not None:
            refuse(layers[layer], inputs, named)
        data = inputs[0] if inputs else named["input"]
        if not isinstance(data, Tensor):
            raise TypeError(
                f"the input of {layers[layer] or 'the model'!r} must be a tensor, got "
                f"{type(data).__name__}; pass `example` as you would call the model, such as "
                "torch.zeros(1, 3, 17, 23)"
            )
        size = tuple(data.shape[-len(layer.kernel_size) :])
        if size not in sizes[layer]:
            sizes[layer].append(size)

    hooks = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in layers]
    try:
        with evaluating(model), torch.no_grad():
            model(*example, **options)
    finally:
        for hook in hooks:
            hook.remove()
    missed = [repr(layers[layer]) for layer, found in sizes.items() if not found]
    if missed:
        raise ValueError(
            f"the example does not reach {', '.join(missed)}, so their input sizes are unknown; "
            "pass an example that uses these layers"
        )
    return sizes


def can_be_observed(layer: nn.Module) -> bool:
    """Whether a hook of a layer can find the spatial axes of its maps.

    Compiled modules of torch.jit have no hooks. Fused layers of torch.ao and the modules of
    `decompose` have no ``kernel_size``.
    """
    if isinstance(layer, torch.jit.ScriptModule):
        return False
    return isinstance(getattr(layer, "kernel_size", None), (tuple, list))


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """Put a model in evaluation mode and restore the mode of each module afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def without_hooks(layer: nn.Module) -> Generator[None]:
    """Disable the forward hooks of a layer."""
    hooks = {name: vars(layer)[name] for name in _HOOKS}
    for name in _HOOKS:
        setattr(layer, name, OrderedDict())
    try:
        yield
    finally:
        for name, kept in hooks.items():
            setattr(layer, name, kept)


_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
