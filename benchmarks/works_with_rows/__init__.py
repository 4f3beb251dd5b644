"""The rows of docs/works-with.md: a file for each family of tools."""

import importlib
import pkgutil

from works_with_rows.registry import ROWS, Row

__all__ = ["ROWS", "Row"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
