"""Whether two functions compute the same, to the rounding of a number format."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

__all__ = ["TOLERANCES", "NoComparison", "Wrong", "difference", "outputs"]

# Of the largest output; "deep" is float32 through the many layers of a large network. A quantized
# model is measured against the plain one, see verdicts.
TOLERANCES = {"float32": 2e-5, "deep": 5e-4, "half": 5e-3, "bfloat16": 3e-2}


class Wrong(AssertionError):  # noqa: N818
    """A tool changed in silence what a model computes."""


class NoComparison(Exception):  # noqa: N818
    """A tool is so coarse, on this processor, that lost coordinates would not be found."""


def outputs(function: Callable[..., Any], x: Tensor) -> list[Tensor]:
    """Return every floating-point output, in order and in float64."""
    with torch.no_grad():
        leaves = [torch.as_tensor(leaf) for leaf in tree_leaves(function(x)) if _is_array(leaf)]
    found = [leaf.detach().double() for leaf in leaves if leaf.is_floating_point()]
    if not found:
        raise Wrong("it returned no floating-point output")
    return found


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) or type(leaf).__module__ == "numpy"


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Return the largest difference, as a fraction of the largest value.

    Raises:
        Wrong: If number or shapes of the outputs differ, or a value is not finite.
    """
    shapes = [[tuple(one.shape) for one in side] for side in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise Wrong(f"outputs of shapes {shapes[0]}, expected {shapes[1]}")
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if b.numel()]
    if not all(a.isfinite().all() and b.isfinite().all() for a, b in pairs):
        raise Wrong("outputs that are not finite")
    return max(((a - b).abs().max() / b.abs().max().clamp(min=1e-30)).item() for a, b in pairs)
