"""Join the two weights of a coordinate layer into a single weight, and split it again.

The two weights are ``weight`` for the data and ``coord_weight`` for the coordinates. The joint
weight belongs to a convolution whose input is the data with the coordinates appended as channels.
"""

from typing import Any

import torch
from torch import Tensor

__all__ = ["apart", "coordinate_axis", "together"]


def coordinate_axis(layer: Any) -> int:
    """Return the axis of the coordinates in ``coord_weight``."""
    return 0 if layer.transposed else 1


def apart(layer: Any, joint: Tensor) -> tuple[Tensor, Tensor]:
    """Split a joint weight into ``weight`` and ``coord_weight``.

    Args:
        layer: Provides groups, radius, convention and kernel size.
        joint: The joint weight for d coordinates. The shape is (out, in / groups + d, *kernel), or
            (in + groups * d, out / groups, *kernel) for a transposed convolution.
    """
    coordinates = len(layer.kernel_size) + layer.radius
    per_group = joint.shape[0] // layer.groups if layer.transposed else joint.shape[1]
    data = per_group - coordinates
    before = layer.convention.side == "before"
    sizes = [coordinates, data] if before else [data, coordinates]
    if layer.transposed:
        # After unflatten, the shape is (groups, data + coordinates, out / groups, *kernel).
        parts = joint.unflatten(0, (layer.groups, -1)).split(sizes, dim=1)
        weight, coord_weight = reversed(parts) if before else parts
        weight, coord_weight = weight.flatten(0, 1), coord_weight.transpose(0, 1).flatten(1, 2)
    else:
        weight, coord_weight = reversed(joint.split(sizes, 1)) if before else joint.split(sizes, 1)
    return _own(weight), _own(coord_weight)


def _own(part: Tensor) -> Tensor:
    """Return a contiguous copy of a part of a weight, because safetensors rejects views."""
    return part.detach().clone(memory_format=torch.contiguous_format)


def together(layer: Any, weight: Tensor, coord_weight: Tensor) -> Tensor:
    """Return the joint weight, with the coordinates on the side given by the convention.

    Args:
        layer: Provides groups and convention.
        weight: The weight of the layer.
        coord_weight: The coordinate weights of the layer, with the kernel size of ``weight``.
    """
    before = layer.convention.side == "before"
    if layer.transposed:
        by_group = weight.unflatten(0, (layer.groups, -1))
        shares = coord_weight.unflatten(1, (layer.groups, -1)).transpose(0, 1)
        parts = (shares, by_group) if before else (by_group, shares)
        return torch.cat(parts, dim=1).flatten(0, 1)
    return torch.cat((coord_weight, weight) if before else (weight, coord_weight), dim=1)
