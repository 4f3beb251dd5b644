"""Batches in an order determined by seed and epoch, with a position that can be saved."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from coordconv_lab.data.tutorial_draws import TutorialDraws
from coordconv_lab.specs import ExperimentSpec

Order = Callable[[int], Tensor]
"""Maps an epoch, counted from 0, to a permutation (N,) of the training points."""


class Batches:
    """Iterate over every training point once per epoch, each epoch in a different order.

    The last batch may be smaller; with `drop_last` it is dropped.

    To resume, set `position` to a saved value: the next iterator continues with the next batch.

    Args:
        points: (N, 2), the training points; batches are on their device.
        batch_size: Points per batch.
        order: Returns the order of an epoch; must be deterministic.
        drop_last: Whether to drop an incomplete last batch.

    Attributes:
        position: Number of batches since the start of training.
    """

    def __init__(
        self, points: Tensor, batch_size: int, order: Order, drop_last: bool = False
    ) -> None:
        self.points, self.batch_size, self._order = points, batch_size, order
        # Keep a training set that is smaller than one batch.
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


def batches_of(spec: ExperimentSpec, points: Tensor) -> Batches:
    """Return the batches of a run.

    Args:
        spec: The run.
        points: (N, 2), its training points in row-major order.
    """
    training = spec.training
    order = (
        tutorial_order(spec)
        if training.batch_order == "tutorial"
        else seeded_order(len(points), spec.seed)
    )
    return Batches(points, training.batch_size, order, training.drop_last)


def seeded_order(count: int, seed: int) -> Order:
    """Return random orders of ``count`` points for a seed; the same on any device."""

    def order(epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        return torch.randperm(count, generator=generator)

    return order


def tutorial_order(spec: ExperimentSpec) -> Order:
    """Return the orders of the tutorial's code; they do not depend on the seed of the run."""
    draws = TutorialDraws(spec.data, spec.task)
    return lambda epoch: torch.from_numpy(draws.epoch(epoch))
