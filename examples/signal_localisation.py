"""Localisation in a signal: where a pulse is, also at positions that training never saw.

A net looks for a short pulse in a noisy line and answers with its position. Each sample votes with
a weight and a value. Where the value comes from a `CoordConv1d`, it is a straight line through the
coordinates, which holds beyond the positions of the training set, the first two thirds. A plain
convolution gives a pulse the same value wherever it lies.

    python examples/signal_localisation.py
"""

import torch
from torch import Tensor, nn

from coordconv import CoordConv1d

LENGTH, WIDTH = 80, 3
SEEN, NEVER_SEEN = (5, 55), (55, 75)


class Net(nn.Module):
    """A vote of all samples about where the pulse is."""

    def __init__(self, layer: type[nn.Conv1d]) -> None:
        super().__init__()
        self.weight = nn.Conv1d(1, 1, 9, padding=4)
        self.value = layer(1, 1, 1)
        nn.init.ones_(self.weight.weight)  # At first, the brightest samples around count most.

    def forward(self, signals: Tensor) -> Tensor:
        """Return the position in each signal, -1 for its first sample and 1 for its last."""
        return (self.weight(signals).softmax(-1) * self.value(signals)).sum(-1).squeeze(1)


def signals(count: int, low: int, high: int) -> tuple[Tensor, Tensor]:
    """Draw noisy lines with one pulse each, and its position in samples."""
    position = low + (high - low) * torch.rand(count)
    distance = torch.arange(LENGTH) - position[:, None]
    pulse = torch.exp(-((distance / WIDTH) ** 2))
    return (pulse + 0.2 * torch.randn(count, LENGTH))[:, None], position


def trained(layer: type[nn.Conv1d], seed: int, steps: int = 100) -> Net:
    """Train a net on pulses in the first part of the line."""
    torch.manual_seed(seed)
    net = Net(layer)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.2)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    for _ in range(steps):
        lines, position = signals(16, *SEEN)
        loss = (net(lines) - (2 * position / (LENGTH - 1) - 1)).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return net.eval().requires_grad_(False)


def error(net: Net, places: tuple[int, int]) -> float:
    """Return the mean distance between answer and pulse, in samples."""
    torch.manual_seed(1000)
    lines, position = signals(500, *places)
    return ((net(lines) + 1) / 2 * (LENGTH - 1) - position).abs().mean().item()


def main(seeds: int = 3) -> None:
    """Compare both layers over seeds."""
    errors = {}
    for layer in (CoordConv1d, nn.Conv1d):
        nets = [trained(layer, seed) for seed in range(seeds)]
        for name, places in (("seen", SEEN), ("never seen", NEVER_SEEN)):
            errors[layer, name] = found = [error(net, places) for net in nets]
            print(f"{layer.__name__:12} positions {name:11}", *(f"{one:6.2f}" for one in found))
    assert max(errors[CoordConv1d, "never seen"]) < 3
    assert min(errors[nn.Conv1d, "seen"]) > 10
    print("mean error in samples, a column for each seed")


if __name__ == "__main__":
    main()
