"""Which convolutions of a model are meant."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Literal

from torch import nn

from coordconv.conversion.kinds import is_convolution

__all__ = ["Names", "Where", "convolutions", "selected"]

Where = str | Sequence[str] | Callable[[str, nn.Module], bool] | Literal["first", "all", "detector"]

Names = Mapping[nn.Module, tuple[str, ...]]


def convolutions(model: nn.Module) -> Names:
    """Every convolution of a model with all names under which the model holds it, in its order."""
    found: dict[nn.Module, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if is_convolution(module):
            found.setdefault(module, []).append(name)
    return {module: tuple(names) for module, names in found.items()}


def selected(names: Names, where: Where) -> set[nn.Module]:
    """The convolutions that ``where`` means.

    Raises:
        ValueError: It means none; or a name, or a pattern, has no convolution.
        TypeError: It is nothing that can be meant.
    """
    if callable(where):
        found = {m for m, known in names.items() if any(where(name, m) for name in known)}
        return _some(found, names, "the predicate is true for none")
    if isinstance(where, str) and where in _PRESETS:
        return _some(_PRESETS[where](names), names, f"where={where!r} means none")
    patterns = [where] if isinstance(where, str) else where
    if not isinstance(patterns, Iterable) or not all(isinstance(one, str) for one in patterns):
        raise TypeError(
            "where must be 'first', 'all', 'detector', names or patterns of names, or a function "
            f"of a name and a module, got {where!r}"
        )
    return _some({m for one in patterns for m in _matching(names, one)}, names, "no name was given")


def _matching(names: Names, pattern: str) -> set[nn.Module]:
    found = {
        module
        for module, known in names.items()
        if any(name == pattern or fnmatchcase(name, pattern) for name in known)
    }
    if not found:
        every = [name for known in names.values() for name in known]
        near = get_close_matches(pattern, every, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else _listed(every)
        raise ValueError(f"no convolution of the model is called {pattern!r}; {hint}")
    return found


def _some(found: set[nn.Module], names: Names, why: str) -> set[nn.Module]:
    if not found:
        raise ValueError(f"{why}; {_listed([known[0] for known in names.values()])}")
    return found


def _listed(every: list[str]) -> str:
    if not every:
        return "the model has no convolution"
    shown = ", ".join(name or "(the model itself)" for name in every[:8])
    more = f" and {len(every) - 8} more" if len(every) > 8 else ""
    return f"it has {shown}{more}"


def _first(names: Names) -> set[nn.Module]:
    return set(list(names)[:1])


def _detector(names: Names) -> set[nn.Module]:
    """The convolutions of one tap in necks, and the first convolution of every head.

    PP-YOLO (Long et al. 2020, arXiv:2007.12099, section 3.2) puts them at the 1 x 1 convolutions
    of its FPN and at the first convolution of its detection head; SOLO (Wang et al. 2020,
    arXiv:1912.04488) at the first convolution of its instance branch.
    """
    found, heads = set(), set()
    for module, known in names.items():
        parts = known[0].lower().split(".")
        head = next((at for at, part in enumerate(parts) if "head" in part), None)
        if head is not None:
            place = ".".join(parts[: head + 1])
            if place not in heads:
                heads.add(place)
                found.add(module)
        elif any("neck" in part or "fpn" in part for part in parts) and _has_one_tap(module):
            found.add(module)
    return found


def _has_one_tap(module: nn.Module) -> bool:
    return all(taps == 1 for taps in getattr(module, "kernel_size", (0,)))


_PRESETS: Mapping[str, Callable[[Names], set[nn.Module]]] = {
    "first": _first,
    "all": set,
    "detector": _detector,
}
