"""Measure how much the output of a model depends on constants added to its feature maps."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coordconv.conversion.examples import call_arguments
from coordconv.conversion.sizes import can_be_observed, evaluating

__all__ = ["kept_constants"]

_PRECISE = (torch.float32, torch.float64)


def kept_constants(
    model: nn.Module, layers: Sequence[nn.Module], example: Any
) -> dict[nn.Module, float]:
    """Return how much a constant that is added to the output of each layer affects the model.

    Adding a constant to all pixels of a feature map changes the output of the model. To first
    order, this change is the sum of the changes that each pixel of the map would cause by itself.
    The returned number is the absolute value of this sum, divided by the sum of the absolute values
    of the changes. It is 0 if the changes of the pixels cancel, and 1 if all of them have the same
    sign. The numerator and the denominator are sums over all samples and channels.

    Args:
        model: Called once in evaluation mode and differentiated; it is not changed.
        layers: Convolutions.
        example: A tensor, a tuple of arguments, or a mapping of keyword arguments.

    Returns:
        A number from 0 to 1 for each layer on which the output depends, in the order of the calls.
        Layers whose maps have only one pixel, whose outputs are not float32 or float64 tensors, or
        that cannot be observed, are omitted.
    """
    probe = _Probe()
    observed = filter(can_be_observed, layers)
    hooks = [layer.register_forward_hook(probe.disturb) for layer in observed]
    arguments, options = call_arguments(example)
    try:
        with evaluating(model), torch.inference_mode(False), torch.enable_grad():
            output = model(*arguments, **options)
            probe.differentiate([*_tensors(output)])
    finally:
        for hook in hooks:
            hook.remove()
    return {
        layer: (sums / total).item()
        for layer, (sums, total) in probe.changes.items()
        if total > 0 and layer not in probe.unclear
    }


class _Probe:
    """Collects sums of gradients with respect to the outputs of layers."""

    def __init__(self) -> None:
        self.changes: dict[nn.Module, Tensor] = {}
        self.unclear: set[nn.Module] = set()
        self.anchors: list[Tensor] = []
        self.generator = torch.Generator().manual_seed(0)

    def disturb(self, layer: Any, _: Any, output: Any) -> Any:
        """Forward hook that adds a little noise to an output and records the output's gradient."""
        axes = tuple(range(-len(layer.kernel_size), 0))
        is_clear = (
            isinstance(output, Tensor)
            and output.dtype in _PRECISE
            and not output.is_meta
            and torch.is_grad_enabled()
            and any(output.shape[axis] > 1 for axis in axes)
        )
        if not is_clear:
            self.unclear.add(layer)
            return output
        anchor = output.new_zeros((), requires_grad=True)
        self.anchors.append(anchor)
        self.changes.setdefault(layer, output.new_zeros(2))
        # If the example is all zeros, activations may be called at points where they are not
        # differentiable, such as 0 for ReLU. The noise avoids these points.
        scale = 0.1 * output.detach().abs().mean() + 1e-3
        disturbed = output + scale * self._noise(output) + anchor

        def add(gradient: Tensor) -> None:
            parts = (gradient.sum(axes).abs().sum(), gradient.abs().sum())
            self.changes[layer] += torch.stack(parts)

        disturbed.register_hook(add)
        return disturbed

    def differentiate(self, outputs: Sequence[Tensor]) -> None:
        """Differentiate a random function of the outputs of the model."""
        used = [one for one in outputs if one.requires_grad and one.dtype in _PRECISE]
        if used and self.anchors:
            values = [(self._weights(one) * one).mean() for one in used]
            try:
                total = torch.stack([value.to(values[0]) for value in values]).sum()
                torch.autograd.grad(total, self.anchors, allow_unused=True)
            except RuntimeError:  # The model has operations that cannot be differentiated.
                self.changes.clear()

    def _weights(self, output: Tensor) -> Tensor:
        """Return random weights with one sign per channel, so that changes rarely cancel."""
        signs = output.new_zeros(output.shape[1:2] or (1,))
        shape = (1, -1, *[1] * (output.dim() - 2)) if output.dim() > 1 else (-1,)
        return self._noise(signs).view(shape) * (1 + 0.5 * self._noise(output).tanh())

    def _noise(self, like: Tensor) -> Tensor:
        # The default device may differ from the device of the generator.
        return torch.randn(like.shape, generator=self.generator, device="cpu").to(like)


def _tensors(output: Any) -> Iterator[Tensor]:
    """Yield the tensors in the output of a model."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for one in output.values():
            yield from _tensors(one)
    elif isinstance(output, (tuple, list)):
        for one in output:
            yield from _tensors(one)
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        for field in dataclasses.fields(output):
            yield from _tensors(getattr(output, field.name))
