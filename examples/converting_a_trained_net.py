"""Coordinates for a trained network: its outputs stay the same until it learns a new task.

The pretrained network is a small classifier of textures. Each of its images has a patch with a
texture. `convert` adds coordinates with zero weights to the first convolution of the network, so
the outputs stay bit-identical. The new task is to locate the patch. The converted network learns
this task with its existing features. The plain network does not learn it. `revert` removes
coordinates whose weights are still zero.

    python examples/converting_a_trained_net.py
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from coordconv import convert, revert

SIZE, PATCH = (24, 32), 8


class Net(nn.Module):
    """Convolutions, global max pooling, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 1)
        )
        self.head = nn.Linear(16, 2)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the scores of two textures, or a position, for images."""
        return self.head(self.features(pictures).amax((2, 3)))


def pictures(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return noisy images with a striped patch, the stripe directions, and the patch centers."""
    height, width = SIZE
    kind = torch.randint(0, 2, (count,))
    tops, lefts = (torch.randint(0, end - PATCH + 1, (count,)) for end in SIZE)
    images = 0.1 * torch.randn(count, 1, height, width)
    stripes = (torch.arange(PATCH) % 2 * 2.0 - 1).expand(PATCH, PATCH)
    places = zip(images, kind, tops.tolist(), lefts.tolist(), strict=True)
    for image, down, top, left in places:
        image[0, top : top + PATCH, left : left + PATCH] += stripes.T if down else stripes
    x, y = (starts / (end - PATCH) * 2 - 1 for starts, end in ((lefts, width), (tops, height)))
    return images, kind, torch.stack([x, y], dim=1)


def train(net: Net, task: str, steps: int) -> Net:
    """Train a network in place on the task "texture" or "position"."""
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    for _ in range(steps):
        images, kind, place = pictures(8)
        answer = net(images)
        loss = cross_entropy(answer, kind) if task == "texture" else (answer - place).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return net


@torch.no_grad()
def error(net: Net) -> float:
    """Return the mean distance between prediction and patch along an axis, in pixels."""
    torch.manual_seed(1000)
    images, _, place = pictures(200)
    pixels = torch.tensor([(end - PATCH) / 2 for end in reversed(SIZE)])
    return ((net(images) - place).abs() * pixels).mean().item()


def main(seeds: int = 3) -> None:
    """Convert, compare the outputs, and train both networks on the new task."""
    errors: dict[str, list[float]] = {"plain": [], "converted": []}
    for seed in range(seeds):
        torch.manual_seed(seed)
        net = train(Net(), "texture", steps=30)
        images, kind, _ = pictures(200)
        before = net(images)
        converted = convert(copy.deepcopy(net))
        assert torch.equal(converted(images), before)
        assert torch.equal(revert(copy.deepcopy(converted))(images), before)
        right = (before.argmax(1) == kind).float().mean()
        for name, one in (("plain", net), ("converted", converted)):
            one.head = nn.Linear(16, 2)  # For the new task.
            errors[name].append(error(train(one, "position", steps=120)))
        print(f"seed {seed}: {right:.0%} of textures correct, bit-identical after the conversion")
    for name, found in errors.items():
        print(f"{name:10} error of the position in pixels", *(f"{one:6.2f}" for one in found))
    assert max(errors["converted"]) < min(errors["plain"]) / 2


if __name__ == "__main__":
    main()
