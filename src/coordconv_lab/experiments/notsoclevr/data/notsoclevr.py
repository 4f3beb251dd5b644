"""The data set in memory: every position of the square, its images and its split.

In Liu et al. 2018 (arXiv:1807.03247), section 4, the data are 9 x 9 squares on a 64 x 64 canvas,
which has 3136 positions. Only the points are stored. Images are drawn from them in batches.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coordconv_lab.experiments.notsoclevr.data.splits import center_range, sides
from coordconv_lab.experiments.notsoclevr.specs import DataSpec


def one_hot_images(points: Tensor, canvas: tuple[int, int]) -> Tensor:
    """Draw one white pixel at each point.

    Args:
        points: Integers (x, y) in pixels, (N, 2), each on the canvas.
        canvas: (height, width).

    Returns:
        The images, (N, 1, H, W), in float32, with 1 at the point and 0 elsewhere.

    Example:
        >>> one_hot_images(torch.tensor([[2, 1]]), (2, 3))[0, 0].int().tolist()
        [[0, 0, 0], [0, 0, 1]]
    """
    return square_images(points, canvas, 1)


def square_images(points: Tensor, canvas: tuple[int, int], square: int) -> Tensor:
    """Draw one white square around each point.

    Args:
        points: Integers (x, y) in pixels, (N, 2).
        canvas: (height, width).
        square: Side of the square in pixels. If it is even, the square reaches one pixel further up
            and left of the point than down and right.

    Returns:
        The images, (N, 1, H, W), in float32, with 1 on the square and 0 elsewhere.

    Example:
        >>> square_images(torch.tensor([[1, 1]]), (3, 4), 3)[0, 0].int().tolist()
        [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0]]
    """
    inside = []
    for axis, side in ((1, canvas[0]), (0, canvas[1])):
        offset = torch.arange(side, device=points.device) - (points[:, axis, None] - square // 2)
        inside.append((offset >= 0) & (offset < square))
    rows, columns = inside
    return (rows[:, None, :, None] & columns[:, None, None, :]).float()


def pixel_index(points: Tensor, canvas: tuple[int, int]) -> Tensor:
    """Return the class of each point (x, y), (N, 2), as (N,): pixels are counted row by row."""
    return points[:, 1] * canvas[1] + points[:, 0]


class NotSoClevr:
    """All positions of the square, split into training and test.

    Args:
        spec: The canvas, the square and the split.
        device: Device of the points and of the images drawn from them.

    Attributes:
        points: The centers (x, y) of the squares in pixels, (N, 2), row by row. Positions that the
            spec omits are not included.
        is_train: (N,), True for training, False for test or validation.

    Example:
        >>> data = NotSoClevr(DataSpec(split="quadrant"))
        >>> len(data.points), len(data.train_points), len(data.test_points)
        (3136, 2352, 784)
    """

    def __init__(self, spec: DataSpec, device: torch.device | str = "cpu") -> None:
        self.spec = spec
        height, width = spec.canvas
        rows, columns = center_range(height, spec.square), center_range(width, spec.square)
        grid = torch.cartesian_prod(torch.tensor(list(rows)), torch.tensor(list(columns)))
        is_train, is_held_out = (torch.from_numpy(mask) for mask in sides(spec))
        used = is_train | is_held_out
        self.points = grid.flip(1)[used].contiguous().to(device)
        self.is_train = is_train[used].to(device)

    def is_training(self, points: Tensor) -> Tensor:
        """Return whether each of the given points, (N, 2), is for training, (N,)."""
        table = torch.zeros(self.spec.canvas, dtype=torch.bool, device=points.device)
        table[self.points[:, 1], self.points[:, 0]] = self.is_train
        return table[points[:, 1], points[:, 0]]

    @property
    def examples(self) -> Tensor:
        """The points, which determine all images."""
        return self.points

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the column x and the row y of each position."""
        points = self.points.cpu().numpy().astype(np.int16)
        return {"x": points[:, 0], "y": points[:, 1]}

    @property
    def train_points(self) -> Tensor:
        """The training points (x, y), (N, 2)."""
        return self.points[self.is_train]

    @property
    def test_points(self) -> Tensor:
        """The held-out points (x, y), (N, 2), which are for test or for validation."""
        return self.points[~self.is_train]

    def one_hot_images(self, points: Tensor) -> Tensor:
        """Draw the one-hot images of points, (N, 1, H, W)."""
        return one_hot_images(points, self.spec.canvas)

    def square_images(self, points: Tensor) -> Tensor:
        """Draw the squares around points, (N, 1, H, W)."""
        return square_images(points, self.spec.canvas, self.spec.square)
