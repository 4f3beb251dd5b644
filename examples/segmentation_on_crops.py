"""Segmentation on crops: with true positions, a network can tell left from right.

Two organs look alike and differ only in their side of the body. Training on crops saves memory, but
a crop does not show which side it is from: the left part of a crop may be on the right of the full
image. With `window=(start, full_size)`, each crop gets the coordinates of its true position. Here
`start` is the row and column of the crop's first pixel, and `full_size` is the size of the full
image. Without windows, the same network treats every crop as a full image, and learns as little
about sides as a network without coordinates.

    python examples/segmentation_on_crops.py
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from coordconv import CoordConv2d

SIZE, CROP = (36, 64), 20
BACKGROUND, LEFT, RIGHT = 0, 1, 2
KINDS = ("crops with true positions", "crops without windows", "no coordinates")


class Net(nn.Module):
    """Three convolutions; the first has coordinates unless ``kind`` is "no coordinates"."""

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
    """Return noisy images with an organ on each side, and the class of every pixel."""
    height, width = SIZE
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    labels = torch.zeros(count, height, width, dtype=torch.long)
    for label, low, high in ((LEFT, 6, 26), (RIGHT, 38, 58)):
        top, left = torch.randint(6, height - 6, (count,)), torch.randint(low, high, (count,))
        distance = (rows - top[:, None, None]) ** 2 + (columns - left[:, None, None]) ** 2
        labels[distance <= 5**2] = label
    return (labels > 0)[:, None] + 0.3 * torch.randn(count, 1, *SIZE), labels


def crop(pictures: Tensor, starts: Tensor) -> Tensor:
    """Cut one crop from each image, at (row, column)."""
    pairs = zip(pictures, starts.tolist(), strict=True)
    return torch.stack(
        [one[..., top : top + CROP, left : left + CROP] for one, (top, left) in pairs]
    )


def starts_of_crops(count: int) -> Tensor:
    """Draw the starts of crops."""
    height, width = SIZE
    rows, columns = (torch.randint(0, end - CROP + 1, (count,)) for end in (height, width))
    return torch.stack([rows, columns], dim=1)


def trained(kind: str, seed: int, steps: int = 120) -> Net:
    """Train a network on new crops in every step."""
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
    """Return the fraction of organ pixels in new crops with the correct class."""
    torch.manual_seed(1000)
    (images, labels), starts = pictures(100), starts_of_crops(100)
    expected = crop(labels, starts)
    named = net(crop(images, starts), starts)[:, LEFT:].argmax(1) + LEFT
    return (named == expected)[expected > 0].float().mean().item()


def main(seeds: int = 3) -> None:
    """Compare the three kinds over seeds."""
    shares = {kind: [share_right(trained(kind, seed)) for seed in range(seeds)] for kind in KINDS}
    for kind, values in shares.items():
        print(f"{kind:27}", *(f"{value:6.1%}" for value in values), "of organ pixels correct")
    placed, *others = shares.values()
    assert min(placed) > 0.95
    assert max(max(values) for values in others) < 0.75


if __name__ == "__main__":
    main()
