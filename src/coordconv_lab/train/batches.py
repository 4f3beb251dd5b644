"""Batches whose order is a function of the seed and the epoch, and whose place can be saved."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from coordconv_lab.data.tutorial_draws import TutorialDraws
from coordconv_lab.specs import ExperimentSpec

Order = Callable[[int], Tensor]
"""From an epoch, counted from 0, to the order of the training points, a permutation (N,)."""


class Batches:
    """Every training point once an epoch, in an order of the epoch's own, the last batch short.

    With `drop_last` a last batch that is not full is left out.

    Set `position` to a saved one, and the next iterator goes on with the very next batch.

    Args:
        points: (N, 2), the training points; batches lie on their device.
        batch_size: Points in a batch.
        order: Gives the order of an epoch, always the same one.
        drop_last: Whether to leave out a batch that is not full.

    Attributes:
        position: How many batches were handed out since training began.
    """

    def __init__(
        self, points: Tensor, batch_size: int, order: Order, drop_last: bool = False
    ) -> None:
        self.points, self.batch_size, self._order = points, batch_size, order
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


def batches_of(spec: ExperimentSpec, points: Tensor) -> Batches:
    """The batches of a run.

    Args:
        spec: The run.
        points: (N, 2), its training points row by row.
    """
    training = spec.training
    order = (
        tutorial_order(spec)
        if training.batch_order == "tutorial"
        else seeded_order(len(points), spec.seed)
    )
    return Batches(points, training.batch_size, order, training.drop_last)


def seeded_order(count: int, seed: int) -> Order:
    """Orders of so many points that a seed draws; the same on any device."""

    def order(epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        return torch.randperm(count, generator=generator)

    return order


def tutorial_order(spec: ExperimentSpec) -> Order:
    """The orders of the tutorial's code, whatever the seed of the initial weights."""
    draws = TutorialDraws(spec.data, spec.task)
    return lambda epoch: torch.from_numpy(draws.epoch(epoch))
