"""What an exported file says about the coordinates in it."""

import json
from dataclasses import asdict
from typing import Any

from torch import nn

from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer

__all__ = ["as_text", "coordinates_of"]


def coordinates_of(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Return what the coordinates mean wherever they enter a model, ready for JSON.

    Args:
        model: Any module.

    Returns:
        For the name of every coordinate layer and `AddCoords`, the fields of its `Convention`;
        ``radius`` is the form of the radius, or None where there is none.

    Example:
        >>> from coordconv import CoordConv2d
        >>> meaning = coordinates_of(nn.Sequential(CoordConv2d(3, 8, 3, convention="monai")))
        >>> meaning["0"]["order"], meaning["0"]["span"], meaning["0"]["radius"]
        ('ij', (-0.5, 0.5), None)
    """
    return {
        name: asdict(module.convention)
        | {"radius": module.convention.radius if module.radius else None}
        for name, module in model.named_modules()
        if isinstance(module, CoordinateLayer | AddCoords)
    }


def as_text(model: nn.Module) -> str:
    """Return `coordinates_of` a model as JSON."""
    return json.dumps(coordinates_of(model))
