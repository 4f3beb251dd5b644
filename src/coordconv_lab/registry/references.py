"""References to functions, so that descriptors do not import torch."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

Reference = str | Callable[..., Any]
"""A function, or a string "module:name" that names a function, which is imported on first use."""


def resolve(reference: Reference) -> Callable[..., Any]:
    """Return the function of a reference.

    Example:
        >>> resolve("math:sqrt")(9.0)
        3.0
    """
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
