"""The interface of a task for training and evaluation: inputs, a loss and scores."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from coordconv_lab.examples import Data

Order = Callable[[int], Tensor]
"""A function from an epoch, counted from 0, to a permutation (N,) of the training examples."""


class Observer(Protocol):
    """An object that receives all outputs of a run's last evaluation, and adds files to the run."""

    def watch(self, examples: Tensor, outputs: Tensor, /) -> None:
        """Process a batch of examples, (B, ...), and the outputs of the network for this batch."""
        ...

    def files(self) -> dict[str, bytes]:
        """Return the files to keep, by name."""
        ...


class Objective:
    """The loss and the scores of a task. ``examples`` are rows of `Data.examples`, (B, ...).

    A subclass implements `inputs`, `loss` and `score`, and overrides other methods as needed. A
    task with several losses returns their weighted sum. Two competing networks are one module with
    two parts. The loss is then the sum of the losses of both parts, each computed with the
    parameters of the other part detached.

    Attributes:
        keeps_predictions: Whether predictions are small enough to be stored for all examples.
        order: Order of the training examples in each epoch; None for a random order from the seed
            of the run.
        units: Names of the units over which results should generalize, such as people or regions;
            empty if examples are independent of each other.
        evaluation_batch: Examples per batch of an evaluation. Set it for small examples; by default
            it is 8 on a CPU, so that the activations of large images fit into the cache.
    """

    keeps_predictions = False
    order: Order | None = None
    units: tuple[str, ...] = ()
    evaluation_batch: int | None = None

    def inputs(self, examples: Tensor, /) -> Tensor:
        """Return the inputs of the network for a batch of examples."""
        raise NotImplementedError

    def ask(self, net: nn.Module, examples: Tensor, /) -> Tensor:
        """Return the outputs of the network for a batch of examples."""
        return net(self.inputs(examples))

    def loss(self, net: nn.Module, examples: Tensor, /) -> Tensor:
        """Return the scalar to minimize: a mean over the examples."""
        raise NotImplementedError

    def read(self, outputs: Tensor, /) -> Tensor:
        """Convert outputs to predictions in the units of the task, (B, ...)."""
        return outputs

    def score(self, predictions: Tensor, examples: Tensor, /) -> dict[str, Tensor]:
        """Return the scores of each prediction by name, (B,) each, the main score first."""
        raise NotImplementedError

    def unit(self, examples: Tensor, /) -> Tensor:
        """Return the index in `units` of the unit of each example, (B,)."""
        raise NotImplementedError

    def summarise(self, scores: dict[str, Tensor], /) -> dict[str, float]:
        """Reduce the scores of all examples to scores for the record; by default, their means."""
        return {name: values.double().mean().item() for name, values in scores.items()}

    def observer(self, data: Data, /) -> Observer | None:
        """Return an observer of the last evaluation of a run, or None."""
        return None

    def arrays(self, net: nn.Module, data: Data, /) -> dict[str, NDArray[np.generic]]:
        """Return further arrays for the predictions file, by name."""
        return {}
