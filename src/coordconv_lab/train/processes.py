"""The processes that train a network together. They split batches, and the first writes files."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from coordconv_lab.errors import InputError

if TYPE_CHECKING:
    from coordconv_lab.train.fabric import Fabric

Result = TypeVar("Result")


class OneProcess:
    """A single process. It does not import Lightning Fabric, whose import is as slow as torch's.

    Args:
        kind: The type of the device: "cpu", "cuda" or "mps".

    Attributes:
        device: The device of the network.
        count: Number of processes.
        is_first: Whether this is the process that reads and writes files.
    """

    count = 1
    is_first = True

    def __init__(self, kind: str) -> None:
        self.device = torch.device(kind) if kind == "cpu" else torch.device(kind, 0)

    def setup(self, module: nn.Module, precision: str) -> nn.Module:
        """Return the module on the device, in a precision: "float32" or "bfloat16"."""
        return _in_precision(module.to(self.device), precision, self.device)

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of the loss."""
        loss.backward()

    def part_of(self, examples: Tensor) -> tuple[Tensor, float]:
        """Return the batch, (E, B, ...), and the weight of its mean loss, 1."""
        return examples, 1.0

    def mean(self, losses: Tensor) -> Tensor:
        """Return the losses."""
        return losses

    def first_only(self, work: Callable[[], Result]) -> Result:
        """Call a function and return its result."""
        return work()


class SeveralProcesses:
    """Processes that are connected by Lightning Fabric.

    Every batch is split across the processes. Each example is therefore used once per epoch, and a
    step has the same result as with one process, up to rounding.

    Args:
        fabric: A launched Fabric.

    Attributes:
        device: The device of the network in this process.
        count: Number of processes.
        is_first: Whether this is the process that reads and writes files.
    """

    def __init__(self, fabric: "Fabric") -> None:
        self._fabric = fabric
        self.device = fabric.device
        self.count = fabric.world_size
        self.is_first = fabric.is_global_zero
        # The warning is about 1x1 kernels, whose strides can differ although their data are equal.
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view")

    def setup(self, module: nn.Module, precision: str) -> nn.Module:
        """Return the module on the device, in a precision, with gradients averaged over processes.

        Raises:
            InputError: The module has batch normalization, which needs the full batch.
        """
        if any(isinstance(one, nn.modules.batchnorm._BatchNorm) for one in module.modules()):
            raise InputError(
                "batch normalization needs the full batch, but each process sees only a part of "
                "it; train this network with --devices 1"
            )
        return self._fabric.setup_module(_in_precision(module, precision, self.device))

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of the loss."""
        self._fabric.backward(loss)

    def part_of(self, examples: Tensor) -> tuple[Tensor, float]:
        """Return this process's part of a batch, (E, B, ...), and the weight of its mean loss.

        Gradients are averaged over processes. The mean loss of each part is therefore weighted by
        the number of its examples. If there are more processes than examples, some processes get an
        example with weight 0.
        """
        part = examples.tensor_split(self.count, dim=1)[self._fabric.global_rank]
        weight = part.shape[1] * self.count / examples.shape[1]
        return (part, weight) if part.shape[1] else (examples[:, :1], 0.0)

    def mean(self, losses: Tensor) -> Tensor:
        """Return the elementwise mean over all processes."""
        reduced = self._fabric.all_reduce(losses, reduce_op="mean")
        assert isinstance(reduced, Tensor)
        return reduced

    def first_only(self, work: Callable[[], Result]) -> Result:
        """Call a function in the first process, and return its result in all of them.

        Raises:
            InputError: The function raised an `InputError`, which is then raised in all processes.
        """
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


Processes = OneProcess | SeveralProcesses


def _in_precision(module: nn.Module, precision: str, device: torch.device) -> nn.Module:
    return _Mixed(module, device.type) if precision == "bfloat16" else module


class _Mixed(nn.Module):
    """A module under automatic mixed precision, with outputs in float32."""

    def __init__(self, module: nn.Module, kind: str) -> None:
        super().__init__()
        self._module, self._kind = module, kind

    def forward(self, *inputs: Any) -> Tensor:
        with torch.autocast(self._kind, torch.bfloat16):
            losses = self._module(*inputs)
        return losses.float()
