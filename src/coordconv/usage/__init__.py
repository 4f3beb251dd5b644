"""Measure whether a trained model uses its coordinates, and how its outputs depend on position."""

from coordconv.usage.ablation import Ablation, Usage, coordinate_usage
from coordconv.usage.shift_error import Sensitivity, ShiftError, position_sensitivity

__all__ = [
    "Ablation",
    "Sensitivity",
    "ShiftError",
    "Usage",
    "coordinate_usage",
    "position_sensitivity",
]
