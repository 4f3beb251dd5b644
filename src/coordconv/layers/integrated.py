"""Install the integrations for other libraries when a layer with coordinates is created."""

import importlib
import sys
import warnings
from typing import Any

from torch import nn

from coordconv.conventions import Convention

__all__ = ["Integrated", "integrate"]

_INTEGRATIONS = {
    "transformers.modeling_utils": "coordconv.integrations.transformers",
    "ultralytics.nn.tasks": "coordconv.integrations.ultralytics",
}
"""Modules that would silently drop coordinates, with the integrations that prevent this."""


def integrate() -> None:
    """Install the integration of each library that has been imported."""
    for library, integration in _INTEGRATIONS.items():
        if library in sys.modules:
            try:
                importlib.import_module(integration).install()
            except ImportError as error:
                warnings.warn(f"{integration}: {error}", RuntimeWarning, stacklevel=2)


class Integrated(nn.Module):
    """Base class of all layers with coordinates.

    It installs the integrations for other libraries when a layer is copied or unpickled. If the
    name of a preset is assigned to ``convention``, the attribute becomes this preset.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "convention":
            value = Convention.of(value)
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied or unpickled layer."""
        integrate()
        super().__setstate__(state)
