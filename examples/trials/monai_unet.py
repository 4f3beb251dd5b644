"""A trial of a MONAI U-Net: segment the ball in the left half of a volume.

coordconv trial examples/trials/monai_unet.py
"""

import torch
from monai.data import DataLoader, Dataset
from monai.losses import DiceLoss
from monai.metrics import compute_dice
from monai.networks.nets import UNet

EPOCHS, SIZE = 6, (16, 16, 24)


def data(samples, seed):
    """Volumes with a ball in each half, and the mask of the one on the left."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.stack(torch.meshgrid(*(torch.arange(n) for n in SIZE), indexing="ij"))
    volumes = []
    for _ in range(samples):
        low = torch.rand(2, 3, generator=generator) * torch.tensor([8, 8, 4]) + 4
        low[1, 2] += 12
        balls = ((grid - low[..., None, None, None]) ** 2).sum(1) < 9
        noise = 0.2 * torch.randn(SIZE, generator=generator)
        volumes.append({"image": (balls.any(0) + noise)[None], "mask": balls[:1].float()})
    return Dataset(volumes)


def make():
    """Return a new network."""
    return UNet(3, 1, 1, channels=(8, 16), strides=(2,))


def train(model):
    """Train it in place."""
    optimizer, loss = torch.optim.Adam(model.parameters(), 1e-2), DiceLoss(sigmoid=True)
    for _ in range(EPOCHS):
        for batch in DataLoader(data(64, 0), batch_size=8, shuffle=True):
            optimizer.zero_grad()
            loss(model(batch["image"]), batch["mask"]).backward()
            optimizer.step()


def score(model):
    """Return the mean Dice score."""
    batch = next(iter(DataLoader(data(32, 1), batch_size=32)))
    with torch.no_grad():
        return compute_dice(model.eval()(batch["image"]) > 0, batch["mask"]).mean().item()
