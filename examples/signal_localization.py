"""Localization in a signal: find a pulse, even at positions never seen in training.

A network predicts the position of a short pulse in a noisy signal, as a weighted mean over all
time steps. Each time step contributes a weight and a value. In training, all pulses are in the
first two thirds of the signal. A `CoordConv1d` computes the value as a linear function of the
coordinate, which is also correct in the last third. A plain convolution gives a pulse the same
value at every position.

    python examples/signal_localization.py
"""

import torch
from torch import Tensor, nn

from coordconv import CoordConv1d

LENGTH, WIDTH = 80, 3
SEEN, NEVER_SEEN = (5, 55), (55, 75)


class Net(nn.Module):
    """A weighted vote of all samples for the position of the pulse."""

    def __init__(self, layer: type[nn.Conv1d]) -> None:
        super().__init__()
        self.weight = nn.Conv1d(1, 1, 9, padding=4)
        self.value = layer(1, 1, 1)
        nn.init.ones_(self.weight.weight)  # Initially, bright neighborhoods count most.

    def forward(self, signals: Tensor) -> Tensor:
        """Return the position in each signal, -1 for its first sample and 1 for its last."""
        return (self.weight(signals).softmax(-1) * self.value(signals)).sum(-1).squeeze(1)


def signals(count: int, low: int, high: int) -> tuple[Tensor, Tensor]:
    """Return noisy signals with one pulse each, and its position in samples."""
    position = low + (high - low) * torch.rand(count)
    distance = torch.arange(LENGTH) - position[:, None]
    pulse = torch.exp(-((distance / WIDTH) ** 2))
    return (pulse + 0.2 * torch.randn(count, LENGTH))[:, None], position


def trained(layer: type[nn.Conv1d], seed: int, steps: int = 100) -> Net:
    """Train a network on pulses in the first part of the signal."""
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
    """Return the mean distance between prediction and pulse, in samples."""
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
    print("mean error in samples, one column per seed")


if __name__ == "__main__":
    main()
