"""Batches of training examples. Seed and epoch determine their order, so training can resume."""

from collections.abc import Iterator

import torch
from torch import Tensor

from coordconv_lab.objective import Order
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.returned import check_order


class Batches:
    """Iterate over every training example once per epoch, each epoch in a different order.

    The last batch of an epoch may be smaller. With `drop_last`, it is dropped.

    To resume training, set `position` to a saved value. The next iterator then continues with the
    following batch.

    Args:
        examples: The training examples, (N, ...). Batches are on the same device.
        batch_size: Examples per batch.
        order: Returns the order of the examples in an epoch; must be deterministic.
        drop_last: Whether to drop an incomplete last batch.

    Attributes:
        position: Number of batches since the start of training.
    """

    def __init__(
        self, examples: Tensor, batch_size: int, order: Order, drop_last: bool = False
    ) -> None:
        self.examples, self.batch_size, self._order = examples, batch_size, order
        # If the training set is smaller than one batch, do not drop it.
        full = len(examples) // batch_size * batch_size
        self._used = full if drop_last and full else len(examples)
        self.position = 0

    def __len__(self) -> int:
        return -(-self._used // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        epoch, start = divmod(self.position, len(self))
        order = self._order(epoch)
        check_order(order, len(self.examples))
        shuffled = self.examples[order.to(self.examples.device)]
        for batch in shuffled[: self._used].split(self.batch_size)[start:]:
            self.position += 1
            yield batch


def batches_of(spec: ExperimentSpec, examples: Tensor, order: Order | None = None) -> Batches:
    """Return the batches of a run.

    Args:
        spec: The spec of the run.
        examples: (N, ...), the training examples.
        order: Returns the order of the examples in an epoch. By default, the order is random, and
            depends on the seed of the run.
    """
    training = spec.training
    order = order or seeded_order(len(examples), spec.seed)
    return Batches(examples, training.batch_size, order, training.drop_last)


def seeded_order(count: int, seed: int) -> Order:
    """Return a function that gives a random order of ``count`` examples for each epoch.

    The orders depend only on the seed, and are the same on every device.
    """

    def order(epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        return torch.randperm(count, generator=generator)

    return order
