"""Segmentation on crops: a crop that knows where it lies tells left from right.

Two organs look alike, and only their side of the body tells them apart. Training on crops is what
fits in memory, but takes that away: what is left in a crop may be right in the whole picture. With
`window=(start, whole)`, a row per sample, each crop has the coordinates of its true position. The
same net without windows takes every crop for a whole picture, and learns as little about sides as
a net without coordinates.

    python examples/segmentation_on_crops.py
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from coordconv import CoordConv2d

SIZE, CROP = (36, 64), 20
BACKGROUND, LEFT, RIGHT = 0, 1, 2
KINDS = ("crops with true positions", "crops that take themselves for the whole", "no coordinates")


class Net(nn.Module):
    """Three convolutions; the first knows where it is, if its kind has coordinates."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        layer = nn.Conv2d if kind == "no coordinates" else CoordConv2d
        self.first = layer(1, 8, 3, padding=1)
        self.rest = nn.Sequential(
            nn.ReLU(), nn.Conv2d(8, 16, 1), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1)
        )

    def forward(self, crops: Tensor, starts: Tensor) -> Tensor:
        """Return the scores of the three classes for crops that start at (row, column)."""
        if self.kind == "crops with true positions":
            return self.rest(self.first(crops, window=(starts, SIZE)))
        return self.rest(self.first(crops))


def pictures(count: int) -> tuple[Tensor, Tensor]:
    """Draw noisy pictures with an organ on each side, and the class of every pixel."""
    height, width = SIZE
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    labels = torch.zeros(count, height, width, dtype=torch.long)
    for label, low, high in ((LEFT, 6, 26), (RIGHT, 38, 58)):
        top, left = torch.randint(6, height - 6, (count,)), torch.randint(low, high, (count,))
        distance = (rows - top[:, None, None]) ** 2 + (columns - left[:, None, None]) ** 2
        labels[distance <= 5**2] = label
    return (labels > 0)[:, None] + 0.3 * torch.randn(count, 1, *SIZE), labels


def crop(pictures: Tensor, starts: Tensor) -> Tensor:
    """Cut one crop from each picture, at (row, column)."""
    pairs = zip(pictures, starts.tolist(), strict=True)
    return torch.stack(
        [one[..., top : top + CROP, left : left + CROP] for one, (top, left) in pairs]
    )


def starts_of_crops(count: int) -> Tensor:
    """Draw where crops start."""
    height, width = SIZE
    rows, columns = (torch.randint(0, end - CROP + 1, (count,)) for end in (height, width))
    return torch.stack([rows, columns], dim=1)


def trained(kind: str, seed: int, steps: int = 120) -> Net:
    """Train a net on crops, drawn anew for every step."""
    torch.manual_seed(seed)
    images, labels = pictures(100)
    net = Net(kind)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(steps):
        chosen, starts = torch.randint(0, len(images), (8,)), starts_of_crops(8)
        scores = net(crop(images[chosen], starts), starts)
        loss = cross_entropy(scores, crop(labels[chosen], starts))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval().requires_grad_(False)


def share_right(net: Net) -> float:
    """Return the share of organ pixels of new crops whose side is named right."""
    torch.manual_seed(1000)
    (images, labels), starts = pictures(100), starts_of_crops(100)
    expected = crop(labels, starts)
    named = net(crop(images, starts), starts)[:, LEFT:].argmax(1) + LEFT
    return (named == expected)[expected > 0].float().mean().item()


def main(seeds: int = 3) -> None:
    """Compare the three ways over seeds."""
    shares = {kind: [share_right(trained(kind, seed)) for seed in range(seeds)] for kind in KINDS}
    for kind, values in shares.items():
        print(f"{kind:42}", *(f"{value:6.1%}" for value in values), "of organ pixels right")
    placed, *others = shares.values()
    assert min(placed) > 0.95
    assert max(max(values) for values in others) < 0.75


if __name__ == "__main__":
    main()
