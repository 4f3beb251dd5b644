"""Data-parallel training: how batches are split across processes, and which process writes."""

import warnings
from collections.abc import Callable
from typing import TypeVar

from torch import Tensor, nn

from coordconv_lab.errors import InputError
from coordconv_lab.train.fabric import Fabric

Result = TypeVar("Result")


class Processes:
    """The processes of a launched Fabric.

    Every batch is split across the processes, so that each example is used once per epoch, and a
    step is the same as with one process up to rounding.

    Args:
        fabric: A launched Fabric.
    """

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self.count = fabric.world_size
        self.is_first = fabric.is_global_zero
        if self.count > 1:
            # Both memory formats store a 1x1 kernel identically; only its strides differ.
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view")

    def part_of(self, points: Tensor) -> tuple[Tensor, float]:
        """Return this process's part of a batch, (E, B, 2), and the weight of its mean loss.

        Gradients are averaged over processes, so a part is weighted by its length. If there are
        more processes than examples, some get an example with weight 0.
        """
        if self.count == 1:
            return points, 1.0
        part = points.tensor_split(self.count, dim=1)[self._fabric.global_rank]
        weight = part.shape[1] * self.count / points.shape[1]
        return (part, weight) if part.shape[1] else (points[:, :1], 0.0)

    def mean(self, losses: Tensor) -> Tensor:
        """Return the elementwise mean over all processes."""
        if self.count == 1:
            return losses
        reduced = self._fabric.all_reduce(losses, reduce_op="mean")
        assert isinstance(reduced, Tensor)
        return reduced

    def first_only(self, work: Callable[[], Result]) -> Result:
        """Call a function in the first process, and return its result in all of them.

        Raises:
            InputError: The function raised it; it is raised in all processes.
        """
        if self.count == 1:
            return work()
        outcome: Result | InputError | None = None
        if self.is_first:
            try:
                outcome = work()
            except InputError as error:
                outcome = error
        outcome = self._fabric.broadcast(outcome)
        if isinstance(outcome, InputError):
            raise outcome
        return outcome  # pyright: ignore[reportReturnType]

    def check(self, net: nn.Module) -> None:
        """Check that the network trains the same with several processes as with one.

        Raises:
            InputError: The network has batch normalization, which needs the full batch.
        """
        if self.count > 1 and any(_normalises(module) for module in net.modules()):
            raise InputError(
                "batch normalization needs the full batch, but each process sees only a part of "
                "it; train this network with --devices 1"
            )


def _normalises(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm)
