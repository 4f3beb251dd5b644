"""Published layers, written from their definitions and including their bugs."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Grid = Callable[[int, int], list[Tensor]]


def columns(height: int, width: int, low: float = -1, high: float = 1, over: int = 0) -> Tensor:
    """Return the coordinate of every column, scaled by the length ``over`` or its own."""
    steps = torch.arange(width) / ((over or width) - 1)
    return (low + (high - low) * steps).expand(height, width)


def rows(height: int, width: int, low: float = -1, high: float = 1, over: int = 0) -> Tensor:
    return columns(width, height, low, high, over).T


def uber(height: int, width: int) -> list[Tensor]:
    x, y = columns(height, width, over=height), rows(height, width, over=width)
    return [x, y, (x**2 + y**2).sqrt()]


def mkocabas(height: int, width: int) -> list[Tensor]:
    row, column = rows(height, width), columns(height, width)
    return [row, column, ((row - 0.5) ** 2 + (column - 0.5) ** 2).sqrt()]


def anomalib(height: int, width: int) -> list[Tensor]:
    return mkocabas(height, width)[:2]


def jacinle(height: int, width: int) -> list[Tensor]:
    row, column, radius = mkocabas(height, width)
    return [column, row, radius]


def wizaron(height: int, width: int) -> list[Tensor]:
    row, column = rows(height, width), columns(height, width)
    radius = (row**2 + column**2).sqrt()
    return [row, column, radius / radius.max()]


def detectors(height: int, width: int) -> list[Tensor]:
    row = torch.linspace(-1, 1, height)[:, None].expand(height, width)
    return [torch.linspace(-1, 1, width).expand(height, width), row]


def paddle(height: int, width: int) -> list[Tensor]:
    """Divide by twice the length of an axis without multiplying by two."""
    column = torch.arange(width) / ((width - 1) * 2) - 1
    row = torch.arange(height) / ((height - 1) * 2) - 1
    return [column.expand(height, width), row[:, None].expand(height, width)]


def monai(height: int, width: int) -> list[Tensor]:
    return [rows(height, width, -0.5, 0.5), columns(height, width, -0.5, 0.5)]


def deepcell(height: int, width: int) -> list[Tensor]:
    return [rows(height, width, 0, 1), columns(height, width, 0, 1)]


def older_deepcell(height: int, width: int) -> list[Tensor]:
    return [columns(height, width, 0, 1), rows(height, width, 0, 1)]


def with_a_boundary(height: int, width: int) -> list[Tensor]:
    """Return the aligner's coordinates, plus row and column masked by a heatmap."""
    row, column, radius = wizaron(height, width)
    heatmap = torch.rand(height, width)
    return [row, column, radius, row.where(heatmap > 0.05, 0), column.where(heatmap > 0.05, 0)]


class Published(nn.Module):
    """A layer that appends coordinates and then convolves."""

    def __init__(self, grid: Grid, before: bool = False, channels: int = 3, **options) -> None:
        super().__init__()
        self.grid, self.before = grid, before
        self.conv = nn.Conv2d(channels + len(grid(2, 2)), 8, **({"kernel_size": 3} | options))

    def joined(self, x: Tensor) -> Tensor:
        """Return the data with their coordinates."""
        grid = torch.stack(self.grid(*x.shape[-2:])).expand(len(x), -1, -1, -1)
        return torch.cat([grid, x] if self.before else [x, grid], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.joined(x))


class WithDeadWeights(nn.Conv2d):
    """A convolution whose inner convolution, under a given name, does the work."""

    def __init__(self, grid: Grid, name: str, **options) -> None:
        super().__init__(3, 8, 3)
        published = Published(grid, **options)
        self.add_module(name, published.conv)
        self.works = published.forward

    def forward(self, input: Tensor) -> Tensor:
        return self.works(input)


class Head(Published):
    """A model that appends coordinates before a convolution with its own name."""

    def __init__(self) -> None:
        super().__init__(detectors, padding=1)
        self.last = nn.Conv2d(8, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(super().forward(x).relu())

    def named(self) -> dict[str, Tensor]:
        """Return the state dict with the names of a sequential model."""
        names = {"conv": "0", "last": "2"}
        found = self.state_dict().items()
        return {names[k.partition(".")[0]] + "." + k.partition(".")[2]: v for k, v in found}


class CoordXY(nn.Module):
    """Add a multiple of x and y per channel, in place, to the output of a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha, self.beta = (nn.Parameter(torch.randn(1, 8, 1, 1)) for _ in range(2))

    def forward(self, input: Tensor) -> Tensor:
        column, row = detectors(*input.shape[-2:])
        return input.add_(self.alpha * column).add_(self.beta * row)
