"""Localization in volumes: coordinates in millimeters, for any distance between the slices.

Scanners produce voxels of different sizes. Coordinates from -1 to 1 are relative to the size of the
volume. Therefore, the distance in millimeters between two coordinates depends on the spacing of the
slices. `CoordConv3d` accepts your own coordinates for each sample. With coordinates in
millimeters, the network predicts positions in millimeters, even for a spacing that did not occur in
training.

    python examples/volume_localization.py
"""

import torch
from torch import Tensor, nn

from coordconv import CoordConv3d

SIZE = (6, 9, 12)  # Slices, rows, columns.
SPACINGS, NEW_SPACING = (2.0, 3.0, 4.0), 5.0  # Millimeters between neighboring voxels.
KINDS = ("millimeters", "-1 to 1")


class Net(nn.Module):
    """A weighted vote of all voxels for the position of the lesion: x, y and z in millimeters."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.weight = nn.Conv3d(1, 1, 3, padding=1)
        self.value = CoordConv3d(1, 3, 1)
        nn.init.ones_(self.weight.weight)  # Initially, bright neighborhoods count most.

    def forward(self, volumes: Tensor, millimeters: Tensor) -> Tensor:
        """Return the positions (N, 3) in volumes whose voxels are at ``millimeters``."""
        own = millimeters / 10 if self.kind == "millimeters" else None  # Roughly -1 to 1.
        values = self.value(volumes, coordinates=own).flatten(2)
        return 10 * (self.weight(volumes).flatten(2).softmax(-1) * values).sum(-1)


def volumes(spacing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return noisy volumes with one lesion each, the voxel positions, and the lesion centers."""
    axes = [torch.arange(n) - (n - 1) / 2 for n in SIZE]
    index = torch.stack(torch.meshgrid(*axes, indexing="ij")).flip(0)  # x, y and z.
    millimeters = index * spacing.view(-1, 1, 1, 1, 1)
    half = torch.tensor([n / 2 - 2 for n in reversed(SIZE)])
    center = (2 * torch.rand(len(spacing), 3) - 1) * half * spacing[:, None]
    distance = (millimeters - center.view(-1, 3, 1, 1, 1)) / spacing.view(-1, 1, 1, 1, 1)
    lesion = torch.exp(-distance.square().sum(1, keepdim=True) / 2)
    return lesion + 0.1 * torch.randn_like(lesion), millimeters, center


def trained(kind: str, seed: int, steps: int = 100) -> Net:
    """Train a network on volumes with the training spacings."""
    torch.manual_seed(seed)
    net = Net(kind)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    for _ in range(steps):
        spacing = torch.tensor(SPACINGS)[torch.randint(0, len(SPACINGS), (8,))]
        pictures, millimeters, center = volumes(spacing)
        loss = (net(pictures, millimeters) - center).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return net.eval().requires_grad_(False)


def error(net: Net, spacing: float) -> float:
    """Return the mean distance between prediction and lesion along an axis, in millimeters."""
    torch.manual_seed(1000)
    pictures, millimeters, center = volumes(torch.full((100,), spacing))
    return (net(pictures, millimeters) - center).abs().mean().item()


def main(seeds: int = 3) -> None:
    """Compare both kinds of coordinates over seeds, for every spacing."""
    errors = {}
    for kind in KINDS:
        nets = [trained(kind, seed) for seed in range(seeds)]
        for spacing in (*SPACINGS, NEW_SPACING):
            errors[kind, spacing] = found = [error(net, spacing) for net in nets]
            new = " (new)" if spacing == NEW_SPACING else ""
            print(f"{kind:12} spacing {spacing:.0f} mm{new:6}", *(f"{one:6.2f}" for one in found))
    print("mean error in mm along an axis, one column per seed")
    assert max(errors["millimeters", NEW_SPACING]) < min(errors["-1 to 1", NEW_SPACING]) / 2


if __name__ == "__main__":
    main()
