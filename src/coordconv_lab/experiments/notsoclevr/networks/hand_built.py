"""Networks that are not trained, because formulas give weights that solve the tasks.

The regressor is by Filip Piekniewski ("Autopsy of a deep learning paper", 2018), who pointed out
that a few lines of code solve the task. The classifier and the renderer follow the same idea. All
three networks are exact at every position of any canvas. Points are (x, y) in pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from coordconv import Convention, CoordConv2d

_PIXELS = Convention(span="pixels")


def _set(layer: nn.Conv2d, weight: Sequence[Sequence[float]], bias: Sequence[float] = ()) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight)[:, :, None, None])
        if layer.bias is not None:
            layer.bias.copy_(torch.tensor(bias))


def _offsets(shift: float) -> CoordConv2d:
    """Map tiled points to the four offsets x - i, i - x, y - j and j - y.

    (x, y) is the pixel, and (i, j) is the point plus ``shift`` along each axis.
    """
    layer = CoordConv2d(2, 4, 1, convention=_PIXELS)
    _set(layer, [[-1, 0], [1, 0], [0, -1], [0, 1]], [-shift, shift, -shift, shift])
    with torch.no_grad():
        layer.coord_weight.copy_(-layer.weight)
    return layer


def _tiled(points: Tensor, canvas: tuple[int, int]) -> Tensor:
    return points.float()[:, :, None, None].expand(-1, -1, *canvas)


class HandBuiltPointNet(nn.Module):
    """Compute the negative L1 distance of each pixel to the point. The maximum is at the point."""

    def __init__(self, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.canvas = canvas
        distance = nn.Conv2d(4, 1, 1, bias=False)
        _set(distance, [[-1, -1, -1, -1]])
        self.layers = nn.Sequential(_offsets(0), nn.ReLU(), distance)

    def forward(self, points: Tensor) -> Tensor:
        """Map points (N, 2) to logits (N, 1, H, W)."""
        return self.layers(_tiled(points, self.canvas))


class HandBuiltSquareNet(nn.Module):
    """Compute 0.5 minus the distance from a pixel to the square, summed over both axes."""

    def __init__(self, canvas: tuple[int, int], square: int) -> None:
        super().__init__()
        self.canvas = canvas
        outside = nn.Conv2d(4, 2, 1)
        reach = (square - 1) / 2
        _set(outside, [[1, 1, 0, 0], [0, 0, 1, 1]], [-reach, -reach])
        inside = nn.Conv2d(2, 1, 1)
        _set(inside, [[-1, -1]], [0.5])
        # The center of an even square is half a pixel before its point.
        shift = reach - square // 2
        self.layers = nn.Sequential(_offsets(shift), nn.ReLU(), outside, nn.ReLU(), inside)

    def forward(self, points: Tensor) -> Tensor:
        """Map points (N, 2) to logits (N, 1, H, W)."""
        return self.layers(_tiled(points, self.canvas))


class HandBuiltPooling(nn.Module):
    """Compute (W, H) minus the sum of (W - x, H - y) over all pixels (x, y) that are 1."""

    def __init__(self, canvas: tuple[int, int]) -> None:
        super().__init__()
        height, width = canvas
        rest = CoordConv2d(1, 2, 1, bias=False, convention=_PIXELS)
        _set(rest, [[width], [height]])
        with torch.no_grad():
            rest.coord_weight.copy_(-torch.eye(2)[:, :, None, None])
        self.layers = nn.Sequential(rest, nn.ReLU())
        self.sides = nn.Parameter(torch.tensor([width, height], dtype=torch.float32))

    def forward(self, images: Tensor) -> Tensor:
        """Map one-hot images (N, 1, H, W) to points (N, 2)."""
        return self.sides - self.layers(images).sum(dim=(2, 3))
