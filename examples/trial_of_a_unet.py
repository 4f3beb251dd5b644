"""A trial: do coordinates help a small network?

The task is to find the disk in the left half of an image and to ignore the disk in the right half.
``coordconv trial examples/trial_of_a_unet.py`` calls the functions ``make``, ``train``, ``score``
and ``errors`` of this file. ``main`` runs the same trial from Python.
"""

import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate


def images(samples):
    """Return noisy images with one disk on each side, and masks of the left disk."""
    y, x = torch.meshgrid(torch.arange(32), torch.arange(48), indexing="ij")
    center = torch.rand(samples, 2, 2) * torch.tensor([20, 12]) + torch.tensor([[6, 6], [6, 30]])
    there = center[..., None, None].unbind(2)
    disks = (y - there[0]) ** 2 + (x - there[1]) ** 2 < 16
    noisy = disks.any(1, keepdim=True) + 0.3 * torch.randn(samples, 1, 32, 48)
    return noisy, disks[:, :1].float()


class UNet(nn.Module):
    """A U-Net with a single level of downsampling."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU())
        self.down = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU())
        self.head = nn.Sequential(nn.Conv2d(24, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))

    def forward(self, x):
        """Return a logit for each pixel."""
        fine = self.stem(x)
        return self.head(torch.cat([fine, interpolate(self.down(fine), x.shape[2:])], 1))


def make():
    """Return a new model."""
    return UNet()


def train(model):
    """Train it in place."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(80):
        noisy, masks = images(16)
        loss = binary_cross_entropy_with_logits(model(noisy), masks, pos_weight=torch.tensor(5.0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def tested(model):
    """Return found and true masks of new images."""
    torch.manual_seed(10_000)  # the same images for all models
    noisy, masks = images(64)
    with torch.no_grad():
        return model(noisy) > 0, masks > 0


def score(model):
    """Return the intersection over union."""
    found, true = tested(model)
    return ((found & true).sum() / (found | true).sum()).item()


def errors(model):
    """Return a map of the wrong pixels of each image."""
    found, true = tested(model)
    return (found != true)[:, 0]


def main(seeds=5):
    """Run the trial in a temporary directory."""
    from coordconv_lab.trials import UserFunctions, trial

    with tempfile.TemporaryDirectory() as folder:
        outcome = trial(
            UserFunctions(make, train, score, errors=errors),
            Path(folder),
            arms=("first", "all", "shuffled:all"),
            seeds=seeds,
        )
    print(outcome)
    better = {row.arm: row.against_plain.mean for row in outcome}
    assert better["all"] > 0.1
    assert abs(better["shuffled:all"]) < 0.1


if __name__ == "__main__":
    main()
