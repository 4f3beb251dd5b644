"""Select convolutions of a model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from torch import nn

from coordconv.conversion.detectors import NO_DETECTOR, in_detector
from coordconv.conversion.kinds import is_convolution
from coordconv.conversion.suggestions import grouped, listed, suggestion
from coordconv.layers.decomposed import DecomposedCoordConv

__all__ = ["Names", "Where", "convolutions", "named_layers", "selected", "skips_maps_of_one_pixel"]

Where = str | Sequence[str] | Callable[[str, nn.Module], bool] | Literal["first", "all", "detector"]

Names = Mapping[nn.Module, tuple[str, ...]]


def convolutions(model: nn.Module) -> Names:
    """Return the convolutions of a model with all their names, in the order of the model."""
    found: dict[nn.Module, list[str]] = {}
    inside = {one.conv for one in model.modules() if isinstance(one, DecomposedCoordConv)}
    for name, module in model.named_modules(remove_duplicate=False):
        if is_convolution(module) and module not in inside:
            found.setdefault(module, []).append(name)
    return {module: tuple(names) for module, names in found.items()}


def named_layers(model: nn.Module, where: Where) -> Names:
    """Return the modules other than convolutions whose full names are in ``where``."""
    wanted = (where,) if isinstance(where, str) else where
    found: dict[nn.Module, list[str]] = {}
    if not isinstance(wanted, Iterable):
        return {}
    wanted = {one for one in wanted if isinstance(one, str) and one not in _PRESETS}
    for name, module in model.named_modules(remove_duplicate=False):
        if name in wanted and not is_convolution(module):
            found.setdefault(module, []).append(name)
    return {module: tuple(names) for module, names in found.items()}


def skips_maps_of_one_pixel(where: Where) -> bool:
    """Whether ``where`` skips convolutions that only get feature maps of one pixel."""
    return isinstance(where, str) and where in ("all", "detector")


def selected(model: nn.Module, names: Names, where: Where) -> set[nn.Module]:
    """Return the layers that ``where`` selects.

    Args:
        model: The model.
        names: The layers that can be selected, each with all its names.
        where: Which layers to select, as in `coordconv.convert`.

    Raises:
        ValueError: If ``where`` selects nothing, or if a name or pattern in it matches nothing.
        TypeError: If ``where`` has an unsupported type.
    """
    if callable(where) and not isinstance(where, type):
        found = {m for m, known in names.items() if any(where(name, m) for name in known)}
        return _some(found, names, "the function `where` returned False for all convolutions")
    if isinstance(where, str) and where in _PRESETS:
        found = _PRESETS[where](model, names)
        if where == "detector" and names and not found:
            raise ValueError(f"{NO_DETECTOR}; {grouped([known[0] for known in names.values()])}")
        return _some(found, names, f"where={where!r} matches no convolution")
    patterns = [where] if isinstance(where, str) else where
    if not isinstance(patterns, Iterable) or not all(isinstance(one, str) for one in patterns):
        raise TypeError(
            "`where` must be 'first', 'all', 'detector', names or patterns of names, or a function "
            f"of a name and a module, got {where!r}"
        )
    found = {m for one in patterns for m in _matching(model, names, one)}
    return _some(found, names, "`where` is empty")


def _matching(model: nn.Module, names: Names, pattern: str) -> set[nn.Module]:
    """Return the layer with this name or, if there is none, the layers that match the pattern."""
    found = {module for module, known in names.items() if pattern in known}
    if not found:
        found = {
            module
            for module, known in names.items()
            if any(fnmatchcase(name, pattern) for name in known)
        }
    if not found:
        every = [name for known in names.values() for name in known]
        hint = suggestion(pattern, model, every, list(_PRESETS))
        raise ValueError(f"no convolution of the model is named {pattern!r}; {hint}")
    return found


def _some(found: set[nn.Module], names: Names, why: str) -> set[nn.Module]:
    if not found:
        raise ValueError(f"{why}; {listed([known[0] for known in names.values()])}")
    return found


def _first(_: nn.Module, names: Names) -> set[nn.Module]:
    return set(list(names)[:1])


def _all(_: nn.Module, names: Names) -> set[nn.Module]:
    return set(names)


_PRESETS: Mapping[str, Callable[[nn.Module, Names], set[nn.Module]]] = {
    "first": _first,
    "all": _all,
    "detector": in_detector,
}
