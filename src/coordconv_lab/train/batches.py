"""Batches whose order is a function of the seed and the epoch, and whose place can be saved."""

from collections.abc import Iterator

import torch
from torch import Tensor


class SeededBatches:
    """Every training point once an epoch, in an order of the epoch's own, the last batch short.

    Set `position` to a saved one, and the next iterator goes on with the very next batch.

    Args:
        points: (N, 2), the training points; batches lie on their device.
        batch_size: Points in a batch.
        seed: Draws the orders; the same seed and epoch always give the same order, on any device.

    Attributes:
        position: How many batches were handed out since training began.
    """

    def __init__(self, points: Tensor, batch_size: int, seed: int) -> None:
        self.points, self.batch_size, self.seed = points, batch_size, seed
        self.position = 0

    def __len__(self) -> int:
        return -(-len(self.points) // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        epoch, start = divmod(self.position, len(self))
        shuffled = self.points[self._order(epoch).to(self.points.device)]
        for batch in shuffled.split(self.batch_size)[start:]:
            self.position += 1
            yield batch

    def _order(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        return torch.randperm(len(self.points), generator=generator)
