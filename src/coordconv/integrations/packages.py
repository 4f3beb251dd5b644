"""Import optional packages when they are used."""

import importlib
from typing import Any

__all__ = ["required"]


def required(module: str) -> Any:
    """Return a module of an optional package.

    Args:
        module: Name of the module, such as ``"kornia.augmentation"``.

    Raises:
        ImportError: If the module cannot be imported. The message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"coordconv.integrations.{package} requires {package}: pip install {package} ({error})"
        ) from error
