"""Batches whose order is a function of the seed and the epoch, and whose place can be saved."""

from collections.abc import Iterator

import torch
from torch import Tensor


class SeededBatches:
    """Every training point once an epoch, in an order of the epoch's own, the last batch short.

    With `drop_last` a last batch that is not full is left out.

    Set `position` to a saved one, and the next iterator goes on with the very next batch.

    Args:
        points: (N, 2), the training points; batches lie on their device.
        batch_size: Points in a batch.
        seed: Draws the orders; the same seed and epoch always give the same order, on any device.
        drop_last: Whether to leave out a batch that is not full.

    Attributes:
        position: How many batches were handed out since training began.
    """

    def __init__(self, points: Tensor, batch_size: int, seed: int, drop_last: bool = False) -> None:
        self.points, self.batch_size, self.seed = points, batch_size, seed
        # A set smaller than one batch is still worth a step.
        full = len(points) // batch_size * batch_size
        self._used = full if drop_last and full else len(points)
        self.position = 0

    def __len__(self) -> int:
        return -(-self._used // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        epoch, start = divmod(self.position, len(self))
        shuffled = self.points[self._order(epoch).to(self.points.device)]
        for batch in shuffled[: self._used].split(self.batch_size)[start:]:
            self.position += 1
            yield batch

    def _order(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        return torch.randperm(len(self.points), generator=generator)
