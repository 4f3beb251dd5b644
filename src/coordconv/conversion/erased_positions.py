"""Find coordinate layers after which a normalization erases the position of a crop.

The coordinates of two crops of an image differ by a constant, so what they add to the output of a
convolution differs by one constant per channel. A later layer that subtracts the mean of each map,
such as instance normalization, removes these constants. Then the model cannot distinguish the two
positions. To detect such a layer, constants are added to the output of the convolution, and the
outputs of the layers that follow are compared with and without these constants.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.conversion.kinds import is_convolution
from coordconv.conversion.shift_gradients import kept_constants
from coordconv.conversion.sizes import evaluating, without_hooks

__all__ = ["Erased", "erased_positions"]

# Smaller relative changes are rounding errors, which are below 1e-6 for float32 sums over a map.
_ROUNDING = 1e-5
# If a smaller fraction of the constant is kept, only the image borders in padded convolutions
# depend on the constant.
_WELL_KEPT = 0.02
_SIZE = (9, 8, 7)


class Erased(NamedTuple):
    """Why the position of a crop is lost after a convolution.

    Attributes:
        by: Name of the module that erases the position; "" if unknown.
        instead: Names of convolutions after which the position is kept, each with the fraction that
            is kept, as returned by `kept_constants`.
        is_from_example: Whether the model was called with an example.
    """

    by: str
    instead: tuple[tuple[str, float], ...]
    is_from_example: bool

    def __str__(self) -> str:
        by = repr(self.by) if self.by else "a later module"
        text = f"{by} subtracts the mean of each map, which erases the position of a crop"
        if self.instead:
            kept = " or ".join(f"{name!r} ({share:.0%} is kept)" for name, share in self.instead)
            return (
                f"{text}; if the position of crops matters, use where={kept}, or batch "
                "normalization"
            )
        if self.is_from_example:
            return (
                f"{text}; the position is lost after every convolution of this model, so use batch "
                "normalization"
            )
        return f"{text}; pass `example` to find convolutions after which the position is kept"


def erased_positions(
    model: nn.Module, names: Any, layers: Sequence[nn.Module], example: Any = None
) -> dict[nn.Module, Erased]:
    """Return the layers after which the position of a crop is lost.

    With an example, the model is called once and differentiated. Without an example, or if the
    derivative for a layer is unknown, the modules that follow the layer in the same
    ``nn.Sequential`` are called.

    Args:
        model: The model; it is not changed.
        names: All convolutions of the model, with their names.
        layers: The layers to check.
        example: A tensor, a tuple of arguments, or a mapping of keyword arguments.
    """
    kept = {}
    if example is not None and not any(map(_is_not_differentiable, model.parameters())):
        kept = kept_constants(model, [one for one in names if is_convolution(one)], example)
    following = _erased_in_sequences(model, layers)
    erased = {
        one: following.get(one, "")
        for one in layers
        if (kept[one] < _ROUNDING if one in kept else one in following)
    }
    if not erased:
        return {}
    instead = _instead(names, kept, erased)
    return {one: Erased(by, instead, bool(kept)) for one, by in erased.items()}


def _instead(
    names: Any, kept: Mapping[nn.Module, float], erased: Collection[nn.Module]
) -> tuple[tuple[str, float], ...]:
    """Return the first convolution that keeps the position, and the one that keeps it best."""
    good = [one for one, share in kept.items() if share >= _WELL_KEPT and one not in erased]
    best = dict.fromkeys([*good[:1], *sorted(good, key=lambda one: -round(kept[one], 2))[:1]])
    return tuple((names[one][0], kept[one]) for one in best)


def _erased_in_sequences(model: nn.Module, layers: Sequence[nn.Module]) -> dict[nn.Module, str]:
    """Find layers that are followed, in a sequence, by a module that erases constants.

    Return the name of that module for each layer.
    """
    names = {module: name for name, module in model.named_modules()}
    inside = {child for module in names if _is_sequence(module) for child in module.children()}
    found: dict[nn.Module, nn.Module | None] = {}
    for module in names:
        if _is_sequence(module) and module not in inside:
            steps = [*_steps(module)]
            for number, layer in enumerate(steps):
                if layer in layers and is_convolution(layer):
                    eraser = _eraser(layer, steps[number + 1 :])
                    found[layer] = eraser if found.get(layer, eraser) else None
    return {layer: names[eraser] for layer, eraser in found.items() if eraser is not None}


def _is_sequence(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _steps(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if _is_sequence(child):
            yield from _steps(child)
        else:
            yield child


@torch.no_grad()
def _eraser(layer: Any, following: Sequence[nn.Module]) -> nn.Module | None:
    """Return the first following module whose output does not depend on an added constant."""
    weight = layer.weight
    if is_lazy(weight) or weight.is_meta or weight.dtype not in (torch.float32, torch.float64):
        return None
    generator = torch.Generator().manual_seed(0)

    def noise(*size: int) -> Tensor:
        shape = (2, layer.out_channels, *size)
        # The default device may differ from the device of the generator.
        return torch.randn(shape, generator=generator, device="cpu").to(weight)

    size = _SIZE[: len(layer.kernel_size)]
    outputs = [noise(*size), noise(*size)]
    outputs.append(outputs[0] + noise(*[1] * len(size)))
    for module in following:
        if any(map(is_convolution, module.modules())) or _has_lazy_parts(module):
            return None
        try:
            with evaluating(module), without_hooks(module):
                outputs = [module(one) for one in outputs]
            here, elsewhere, shifted = outputs
            changes = [(one - here).abs().max().item() for one in (elsewhere, shifted)]
        except Exception:  # A module that does not accept maps of this size can raise any error.
            return None
        if changes[1] <= _ROUNDING * changes[0]:
            return module if changes[0] > 0 else None
    return None


def _is_not_differentiable(parameter: Tensor) -> bool:
    return is_lazy(parameter) or parameter.is_inference() or parameter.is_meta


def _has_lazy_parts(module: nn.Module) -> bool:
    return any(map(is_lazy, module.parameters())) or any(map(is_lazy, module.buffers()))
