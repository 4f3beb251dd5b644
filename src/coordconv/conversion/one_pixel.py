"""Find convolutions that only get feature maps of one pixel, where coordinates are constant.

On such maps, coordinate weights act as a second bias, or get no gradient if the coordinate is 0.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.conversion.examples import Example, call_arguments
from coordconv.conversion.kinds import is_convolution
from coordconv.conversion.sizes import Size, can_be_observed, evaluating

__all__ = ["sees_one_pixel"]

# Classes whose forward applies a global pooling, with the names of the convolutions that follow it.
_AFTER_THE_MEAN: Mapping[str, tuple[str, ...]] = {
    # Squeeze-and-excitation and its variants in timm, segmentation_models_pytorch and MONAI.
    "SqueezeExcite": ("conv_reduce", "conv_expand"),
    "SEModule": ("fc1", "fc2"),
    "EffectiveSEModule": ("fc",),
    "EseModule": ("conv",),
    "MBConvBlock": ("_se_reduce", "_se_expand"),
    "SelectiveKernelAttn": ("fc_reduce", "fc_select"),
    "SplitAttn": ("fc1", "fc2"),
    # Classifier heads of timm.
    "MobileNetV3": ("conv_head",),
    "GhostNet": ("conv_head",),
    "RepGhostNet": ("conv_head",),
    "FasterNet": ("conv_head",),
    "LCNetV2": ("conv_head",),
    "DLA": ("fc",),
    "DPN": ("classifier",),
    "ClassifierHead": ("fc", "last_conv"),
    # Pooling branches of transformers.
    "MobileViTASPPPooling": ("conv_1x1",),
    "MobileViTV2ASPPPooling": ("conv_1x1",),
    "MobileNetV2DeepLabV3Plus": ("conv_pool",),
}

_POOLS = tuple(
    getattr(nn, f"Adaptive{kind}Pool{rank}d") for kind in ("Avg", "Max") for rank in (1, 2, 3)
)
_GATES = (nn.Sigmoid, nn.Hardsigmoid)
_POINTWISE = (
    "torch.nn.modules.activation",
    "torch.nn.modules.batchnorm",
    "torch.nn.modules.dropout",
    "torch.nn.modules.instancenorm",
    "torch.nn.modules.normalization",
)


def sees_one_pixel(
    model: nn.Module, layers: Any, example: Example | None = None
) -> dict[nn.Module, str]:
    """Return the layers that only get feature maps of one pixel, with the reason for each.

    Args:
        model: Called once in evaluation mode if there is an example.
        layers: The convolutions to check.
        example: A tensor, a tuple of arguments, or a mapping of keyword arguments.

    Raises:
        ValueError: If there is an example and the model has uninitialized lazy parameters.
    """
    seen = {} if example is None else _sizes(model, layers, example)
    found = {
        layer: "the example gives it only maps of one pixel, where coordinates are constant"
        for layer, sizes in seen.items()
        if sizes and all(set(size) == {1} for size in sizes)
    }
    unknown = {layer for layer in layers if not seen.get(layer)}
    for module in model.modules():
        for layer in _after_the_mean(module):
            if layer in unknown:
                found[layer] = "it follows a global pooling, where coordinates are constant"
    return found


def _sizes(model: nn.Module, layers: Any, example: Example) -> dict[nn.Module, set[Size]]:
    """Return the input sizes of every layer that the example reaches."""
    if any(is_lazy(parameter) for parameter in model.parameters()):
        raise ValueError(
            "`example` would initialize the lazy layers of the model; call the model once before "
            "converting it"
        )
    seen: dict[nn.Module, set[Size]] = {layer: set() for layer in layers}

    def note(layer: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        data = inputs[0] if inputs else next(iter(options.values()), None)
        if isinstance(data, Tensor):
            seen[layer].add(tuple(data.shape[-len(layer.kernel_size) :]))  # pyright: ignore[reportArgumentType]

    observed = filter(can_be_observed, layers)
    hooks = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in observed]
    arguments, options = call_arguments(example)
    try:
        with evaluating(model), torch.no_grad():
            model(*arguments, **options)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _after_the_mean(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the convolutions of a module that follow a global pooling."""
    for kind in type(module).__mro__:
        for name in _AFTER_THE_MEAN.get(kind.__name__, ()):
            yield from _convolutions(getattr(module, name, None))
    if _is_squeeze_and_excitation(module):
        yield from _convolutions(module)
    elif _is_a_sequence(module):
        yield from _after_a_pooling(module)


def _after_a_pooling(sequence: nn.Module) -> Iterator[nn.Module]:
    pooled = False
    for layer in _flat(sequence):
        if _is_global_pooling(layer):
            pooled = True
        elif pooled and not type(layer).__module__.startswith(_POINTWISE):
            inside = _convolutions(layer)
            if len(inside) == 1:
                yield inside[0]
            pooled = len(inside) == 1 and _keeps_one_pixel(inside[0])


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers of a sequence and of nested sequences, in order.

    A subclass of ``nn.Sequential`` with a custom forward counts as one layer, because it may
    upsample its output. The pooling branch of DeepLab is an example.
    """
    for child in module.children():
        if isinstance(child, nn.Sequential) and type(child).forward is nn.Sequential.forward:
            yield from _flat(child)
        elif not isinstance(child, nn.Identity):
            yield child


def _is_a_sequence(module: nn.Module) -> bool:
    if isinstance(module, nn.Sequential):
        return True
    names = [name for name, _ in module.named_children()]
    return bool(names) and all(map(str.isdigit, names)) and not isinstance(module, nn.ModuleList)


def _is_squeeze_and_excitation(module: nn.Module) -> bool:
    """Whether a module is a global pooling followed by pointwise convolutions and a gate."""
    children = list(module.children())
    inside = _convolutions(module)
    return (
        bool(inside and children)
        and not _is_a_sequence(module)
        and _is_global_pooling(children[0])
        and all(set(one.kernel_size) == {1} for one in inside)
        and inside[0].in_channels == inside[-1].out_channels
        and any(isinstance(one, _GATES) for one in module.modules())
    )


def _is_global_pooling(module: nn.Module) -> bool:
    size: Any = module.output_size if isinstance(module, _POOLS) else None
    return size == 1 or (isinstance(size, (tuple, list)) and set(size) == {1})


def _keeps_one_pixel(layer: Any) -> bool:
    """Whether a convolution maps one pixel to one pixel."""
    if layer.transposed or isinstance(layer.padding, str):
        return not layer.transposed and layer.padding == "same"
    numbers = zip(layer.kernel_size, layer.padding, layer.dilation, layer.stride, strict=True)
    return all((2 * pad - space * (taps - 1)) // step == 0 for taps, pad, space, step in numbers)


def _convolutions(module: nn.Module | None) -> list[Any]:
    return [] if module is None else [m for m in module.modules() if is_convolution(m)]
