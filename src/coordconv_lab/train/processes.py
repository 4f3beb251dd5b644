"""Several processes that train one net: who takes which part of a batch, and who writes."""

import warnings
from collections.abc import Callable
from typing import TypeVar

from torch import Tensor, nn

from coordconv_lab.errors import InputError
from coordconv_lab.train.fabric import Fabric

Result = TypeVar("Result")


class Processes:
    """The processes of a Fabric that was launched.

    Every batch is cut into as many parts as there are processes, so that each example is seen once
    an epoch whatever their number, and a step is the same as on one process to rounding.

    Args:
        fabric: As it is after its launch.
    """

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self.count = fabric.world_size
        self.is_first = fabric.is_global_zero
        if self.count > 1:
            # A 1 x 1 kernel is stored the same in both memory formats, whatever its strides say.
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view")

    def part_of(self, points: Tensor) -> tuple[Tensor, float]:
        """This process's part of a batch, (E, B, 2), and what its mean loss counts for.

        The gradients of all processes are averaged, so that a part counts by its length. Where
        there are more processes than examples, some take an example that counts for nothing.
        """
        if self.count == 1:
            return points, 1.0
        part = points.tensor_split(self.count, dim=1)[self._fabric.global_rank]
        weight = part.shape[1] * self.count / points.shape[1]
        return (part, weight) if part.shape[1] else (points[:, :1], 0.0)

    def mean(self, losses: Tensor) -> Tensor:
        """The mean over the processes of what each has in its place."""
        if self.count == 1:
            return losses
        reduced = self._fabric.all_reduce(losses, reduce_op="mean")
        assert isinstance(reduced, Tensor)
        return reduced

    def first_only(self, work: Callable[[], Result]) -> Result:
        """Have the first process do something, and give all of them what came of it.

        Raises:
            InputError: The work raised it, in whichever process.
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
        """Refuse a net that several processes would train otherwise than one.

        Raises:
            InputError: It has batch normalisation, whose statistics come from a whole batch.
        """
        if self.count > 1 and any(_normalises(module) for module in net.modules()):
            raise InputError(
                "batch normalisation takes its statistics from a whole batch, and each process "
                "sees a part of it; train this net with --devices 1"
            )


def _normalises(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm)
