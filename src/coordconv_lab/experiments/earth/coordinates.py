"""The coordinates on the earth that a network sees."""

import math

import torch
from torch import Tensor

from coordconv_lab.experiments.earth.specs import Told


def earth_coordinates(told: Told, latitude: Tensor, longitude: Tensor) -> Tensor | None:
    """Return the coordinates of pixels, (B, d, H, W), from -1 to 1.

    Return None if the network uses no coordinates, or coordinates relative to the crop.

    Args:
        told: Which coordinates the network sees. For "shuffled", each crop gets the coordinates of
            the crop before it.
        latitude: In radians, (B, H, W).
        longitude: In radians, (B, H, W).
    """
    if told in ("nothing", "crop"):
        return None
    if told == "sphere":
        ring = latitude.cos()
        return torch.stack([longitude.cos() * ring, longitude.sin() * ring, latitude.sin()], 1)
    y, x = latitude / (math.pi / 2), longitude / math.pi
    if told == "latitude":
        x = torch.zeros_like(x)
    both = torch.stack([x, y], 1)
    return both.roll(1, 0) if told == "shuffled" else both
