"""Install the integrations for other libraries when a layer with coordinates is created."""

import importlib
import sys
import warnings
from typing import Any

from torch import nn

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

    It installs the integrations for other libraries when a layer is copied or unpickled.
    """

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied or unpickled layer."""
        integrate()
        super().__setstate__(state)
