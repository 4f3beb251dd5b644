"""Suggestions for a name that matches no convolution."""

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import filter as filter_names

from torch import nn

__all__ = ["grouped", "listed", "suggestion"]

_WILDCARDS = "*?["


def suggestion(pattern: str, model: nn.Module, every: Sequence[str], presets: Sequence[str]) -> str:
    """Return a hint for a name or pattern that matches no convolution.

    Args:
        pattern: The name or pattern.
        model: The model.
        every: The names of all convolutions of the model.
        presets: The values of ``where`` that are not names, such as "all".
    """
    inside = _prefixes(every)
    modules = dict(model.named_modules(remove_duplicate=False))
    if pattern in inside:
        return f"to select the convolutions inside it, use {f'{pattern}.*'!r}"
    word = pattern.lower() if "." not in pattern else ""
    near = get_close_matches(word, presets, n=1, cutoff=0.7)
    if _has_wildcards(pattern):
        near += [one for one in _near_patterns(pattern, inside) if filter_names(every, one)]
    else:
        both = get_close_matches(pattern, [*every, *inside], n=3)
        near += [f"{one}.*" if one in inside else one for one in both]
    hint = f"did you mean {', '.join(map(repr, near))}?" if near else listed(every)
    if pattern in modules:
        return f"it is a {type(modules[pattern]).__name__}; {hint}"
    return hint


def listed(every: Sequence[str]) -> str:
    """Format the first names of convolutions for a message."""
    if not every:
        return "the model has no convolution"
    shown = ", ".join(name or "(the model itself)" for name in every[:8])
    more = f" and {len(every) - 8} more" if len(every) > 8 else ""
    return f"the convolutions of the model are {shown}{more}"


def grouped(every: Sequence[str]) -> str:
    """List the modules that contain convolutions, with the number in each module, for a message."""
    paths = [name.split(".") for name in every]
    depth = 1
    while len({tuple(path[:depth]) for path in paths}) == 1 and depth < max(map(len, paths)):
        depth += 1
    counts = Counter(".".join(path[:depth]) or "(the model itself)" for path in paths)
    shown = ", ".join(f"{name} ({count})" for name, count in list(counts.items())[:8])
    more = f" and {len(counts) - 8} more modules" if len(counts) > 8 else ""
    return f"the convolutions of the model are in {shown}{more}"


def _prefixes(every: Sequence[str]) -> list[str]:
    """Return the names of all modules that contain a layer named in ``every``, in order."""
    found: dict[str, None] = {}
    for name in every:
        parts = name.split(".")
        found.update(dict.fromkeys(".".join(parts[:n]) for n in range(1, len(parts))))
    return list(found)


def _near_patterns(pattern: str, inside: Sequence[str]) -> list[str]:
    """Replace the part of a pattern before its wildcards with similar module names."""
    parts = pattern.split(".")
    known = next((n for n, part in enumerate(parts) if _has_wildcards(part)), len(parts))
    near = get_close_matches(".".join(parts[:known]), inside, n=3) if known else []
    return [".".join([one, *parts[known:]]) for one in near if one != ".".join(parts[:known])]


def _has_wildcards(pattern: str) -> bool:
    return any(one in pattern for one in _WILDCARDS)
