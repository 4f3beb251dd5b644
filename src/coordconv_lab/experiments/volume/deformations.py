"""Random smooth deformations, which turn one template into many heads.

The number of a head is its seed. Each head is rotated by up to 8 degrees about each axis, scaled by
0.9 to 1.1 along each axis, and shifted by up to 6 mm along each axis. It is also deformed by a
smooth displacement, which is drawn at 5 x 5 x 5 points with a standard deviation of 3 mm, and
interpolated cubically between them.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

DEGREES, SCALE, SHIFT, BEND = 8.0, 0.1, 6.0, 3.0

FAR = (20.0, 40.0)
"""The minimum and maximum shift of a moved head, in millimeters. Its direction is random."""

_POINTS = 5
"""Points along each axis from which the displacement is interpolated."""


def deformed(places: Tensor, generator: torch.Generator, *, moved: bool) -> Tensor:
    """Map points of a head to the corresponding points of the template.

    Args:
        places: Millimeters from the center of the scanner, (X, Y, Z, 3), on a regular grid.
        generator: Draws the deformation. The shape of the head does not depend on `moved`.
        moved: Whether to additionally shift the head by 20 to 40 mm in a random direction.

    Returns:
        Millimeters from the center of the template, (X, Y, Z, 3).
    """

    def uniform(limit: float) -> Tensor:
        return (2 * torch.rand(3, generator=generator) - 1) * limit

    turn = _rotation(uniform(math.radians(DEGREES)))
    scale, shift = 1 + uniform(SCALE), uniform(SHIFT)
    knots = BEND * torch.randn(3, _POINTS, _POINTS, _POINTS, generator=generator)
    direction = functional.normalize(torch.randn(3, generator=generator), dim=0)
    distance = FAR[0] + (FAR[1] - FAR[0]) * torch.rand((), generator=generator)
    if moved:
        shift = shift + distance * direction
    return ((places - shift) / scale) @ turn + _smooth(knots, places.shape[:3])


def _rotation(angles: Tensor) -> Tensor:
    """Return the product of the rotations about x, y and z, (3, 3)."""
    x, y, z = angles.tolist()
    turns = [[[0, 0, 0], [0, 0, -x], [0, x, 0]], [[0, 0, y], [0, 0, 0], [-y, 0, 0]]]
    turns.append([[0, -z, 0], [z, 0, 0], [0, 0, 0]])
    x_turn, y_turn, z_turn = torch.linalg.matrix_exp(torch.tensor(turns, dtype=torch.float64))
    return (x_turn @ y_turn @ z_turn).float()


def _smooth(knots: Tensor, size: torch.Size) -> Tensor:
    """Interpolate displacements at k x k x k points, (3, k, k, k), to a grid, (X, Y, Z, 3)."""
    for axis, length in zip((1, 2, 3), size, strict=True):
        lines = knots.movedim(axis, -1)
        flat = lines.reshape(1, -1, 1, lines.shape[-1])
        finer = functional.interpolate(flat, (1, length), mode="bicubic", align_corners=True)
        knots = finer.reshape(*lines.shape[:-1], length).movedim(-1, axis)
    return knots.movedim(0, -1)
