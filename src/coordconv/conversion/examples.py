"""Example inputs to call a model with."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

__all__ = ["Example", "call_arguments"]

Example = Tensor | tuple[Any, ...] | Mapping[str, Any]


def call_arguments(example: Example | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and the keyword arguments to call a model with.

    Args:
        example: One input, a tuple of arguments, a mapping of keyword arguments, or None for no
            arguments.

    Raises:
        TypeError: If ``example`` is a size instead of inputs.
    """
    is_sequence = isinstance(example, (tuple, list))
    if is_sequence and example and all(isinstance(n, int) for n in example):
        raise TypeError(
            f"`example` must be inputs of the model, got the size {tuple(example)}; pass `example` "
            "as you would call the model, such as torch.zeros(1, 3, 17, 23)"
        )
    if isinstance(example, Mapping):
        return (), dict(example)
    if isinstance(example, tuple):
        return example, {}
    return (() if example is None else (example,)), {}
