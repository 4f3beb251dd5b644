"""Localisation in volumes: millimetres, whatever the distance between the slices.

Scanners cut a body into voxels of different sizes. Coordinates from -1 to 1 say how far along the
volume a voxel lies, which is another place for every spacing. `CoordConv3d` takes coordinates of
your own, per sample: with those in millimetres the net answers in millimetres, also for a spacing
that no training volume had.

    python examples/volume_localisation.py
"""

import torch
from torch import Tensor, nn

from coordconv import CoordConv3d

SIZE = (6, 9, 12)  # Slices, rows, columns.
SPACINGS, NEW_SPACING = (2.0, 3.0, 4.0), 5.0  # Millimetres between neighbouring voxels.
KINDS = ("millimetres", "-1 to 1")


class Net(nn.Module):
    """A vote of all voxels about where the lesion is: x, y and z in millimetres."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.weight = nn.Conv3d(1, 1, 3, padding=1)
        self.value = CoordConv3d(1, 3, 1)
        nn.init.ones_(self.weight.weight)  # At first, the brightest voxels around count most.

    def forward(self, volumes: Tensor, millimetres: Tensor) -> Tensor:
        """Return (N, 3): the position in volumes whose voxels lie at ``millimetres``."""
        own = millimetres / 10 if self.kind == "millimetres" else None  # About as large as -1 to 1.
        values = self.value(volumes, coordinates=own).flatten(2)
        return 10 * (self.weight(volumes).flatten(2).softmax(-1) * values).sum(-1)


def volumes(spacing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Draw noisy volumes with one lesion, the position of every voxel, and the lesion's."""
    axes = [torch.arange(n) - (n - 1) / 2 for n in SIZE]
    index = torch.stack(torch.meshgrid(*axes, indexing="ij")).flip(0)  # x, y and z.
    millimetres = index * spacing.view(-1, 1, 1, 1, 1)
    half = torch.tensor([n / 2 - 2 for n in reversed(SIZE)])
    centre = (2 * torch.rand(len(spacing), 3) - 1) * half * spacing[:, None]
    distance = (millimetres - centre.view(-1, 3, 1, 1, 1)) / spacing.view(-1, 1, 1, 1, 1)
    lesion = torch.exp(-distance.square().sum(1, keepdim=True) / 2)
    return lesion + 0.1 * torch.randn_like(lesion), millimetres, centre


def trained(kind: str, seed: int, steps: int = 100) -> Net:
    """Train a net on volumes of the known spacings."""
    torch.manual_seed(seed)
    net = Net(kind)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    for _ in range(steps):
        spacing = torch.tensor(SPACINGS)[torch.randint(0, len(SPACINGS), (8,))]
        pictures, millimetres, centre = volumes(spacing)
        loss = (net(pictures, millimetres) - centre).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return net.eval().requires_grad_(False)


def error(net: Net, spacing: float) -> float:
    """Return the mean distance between answer and lesion, in millimetres along an axis."""
    torch.manual_seed(1000)
    pictures, millimetres, centre = volumes(torch.full((100,), spacing))
    return (net(pictures, millimetres) - centre).abs().mean().item()


def main(seeds: int = 3) -> None:
    """Compare both kinds of coordinates over seeds, for every spacing."""
    errors = {}
    for kind in KINDS:
        nets = [trained(kind, seed) for seed in range(seeds)]
        for spacing in (*SPACINGS, NEW_SPACING):
            errors[kind, spacing] = found = [error(net, spacing) for net in nets]
            new = " (new)" if spacing == NEW_SPACING else ""
            print(f"{kind:12} spacing {spacing:.0f} mm{new:6}", *(f"{one:6.2f}" for one in found))
    print("mean error in mm along an axis, a column for each seed")
    assert max(errors["millimetres", NEW_SPACING]) < min(errors["-1 to 1", NEW_SPACING]) / 2


if __name__ == "__main__":
    main()
