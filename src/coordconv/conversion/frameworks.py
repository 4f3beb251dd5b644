"""Frameworks that save models by their own rules, and what teaches them about coordinates."""

import sys
import warnings
from importlib import import_module

__all__ = ["prepare_frameworks"]

_INTEGRATIONS = {"transformers.modeling_utils": "coordconv.integrations.transformers"}


def prepare_frameworks() -> None:
    """Import the integration of each framework that the program has imported.

    A converted model can be part of a framework's model that is not known here, so every framework
    in use is prepared. Nothing is imported for a framework that is not.
    """
    for framework, integration in _INTEGRATIONS.items():
        if framework in sys.modules:
            try:
                import_module(integration)
            except ImportError as error:
                warnings.warn(f"{integration}: {error}", RuntimeWarning, stacklevel=3)
