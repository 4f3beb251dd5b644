"""A trial of a Lightning module: count the bright spots on the left.

coordconv trial examples/trials/lightning_module.py
"""

import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

STEPS = 200


def data(samples, seed):
    """Images with three spots, and how many are in the left half."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(samples, 3, 2, generator=generator)
    row, column = (places * torch.tensor([16, 24])).long().unbind(-1)
    images = torch.zeros(samples, 1, 16, 24)
    images[torch.arange(samples)[:, None], 0, row, column] = 1
    return TensorDataset(images, (column < 12).sum(1).float())


class Counter(L.LightningModule):
    """A small network that predicts a number."""

    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 1), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 1))

    def training_step(self, batch, index):
        """Return the mean squared error."""
        return nn.functional.mse_loss(self.net(batch[0])[:, 0], batch[1])

    def configure_optimizers(self):
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), 1e-2)


def make():
    """Return a new module."""
    return Counter()


def train(model):
    """Fit it with a Trainer."""
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = L.Trainer(max_steps=STEPS, accelerator="cpu", enable_model_summary=False, **options)
    trainer.fit(model, DataLoader(data(2000, 0), batch_size=32, shuffle=True))


def score(model):
    """Return the fraction of correct counts."""
    images, counts = data(500, 1).tensors
    with torch.no_grad():
        return (model.net(images)[:, 0].round() == counts).float().mean().item()
