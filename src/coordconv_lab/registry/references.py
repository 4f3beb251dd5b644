"""References to functions, so that descriptors do not import torch."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from coordconv_lab.errors import InputError, in_short

Reference = str | Callable[..., Any]
"""A function, or a string "module:name" that names a function, which is imported on first use."""


def resolve(reference: Reference) -> Callable[..., Any]:
    """Return the function of a reference.

    Raises:
        InputError: The reference does not name a function.

    Example:
        >>> resolve("math:sqrt")(9.0)
        3.0
    """
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    if not (name and all(map(str.isidentifier, module.split(".")))):
        raise InputError(
            f'expected a reference "module:name" to a function, got {in_short(reference)}'
        )
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # the module exists, but a package that it imports does not
        raise InputError(f"the module of the reference {reference!r} does not exist") from error
    if not callable(found):
        raise InputError(f"{reference!r} is not a reference to a function; it is {in_short(found)}")
    return found
