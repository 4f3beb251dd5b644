"""The data of an experiment: a tensor of examples, divided into training and held-out examples."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coordconv_lab.errors import in_short


class Data(Protocol):
    """Examples of an experiment.

    An example is a row of ``examples``, such as a point or an index into other tensors. The task of
    the experiment computes the inputs and targets of the network from this row. Training draws
    batches of rows and passes them to the `Objective`.

    Attributes:
        examples: (N, ...), on the device of the networks.
        is_train: (N,), True for training, False for held-out examples.
    """

    examples: Tensor
    is_train: Tensor

    def is_training(self, examples: Tensor) -> Tensor:
        """Return a Boolean tensor, (B,), that says which examples, (B, ...), are for training."""
        ...

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return named arrays, (N, ...), that describe the examples in the predictions file."""
        ...


class IndexedData:
    """Data in tensors whose first dimension indexes the examples, such as images or signals.

    Args:
        is_train: (N,), True for training, False for held-out examples.
        tensors: Tensors of shape (N, ...) by name.
        device: Device of the tensors.

    Attributes:
        examples: (N,), the indices 0 to N - 1.
        tensors: The tensors by name, on the device.

    Raises:
        ValueError: ``is_train`` is not a tensor of True and False, another tensor has a different
            length, or there are no training or no held-out examples.

    Example:
        >>> data = IndexedData(torch.tensor([True, False]), {"signal": torch.zeros(2, 1, 32)})
        >>> data.tensors["signal"][data.examples].shape
        torch.Size([2, 1, 32])
    """

    def __init__(
        self, is_train: Tensor, tensors: dict[str, Tensor], device: torch.device | str = "cpu"
    ) -> None:
        if not isinstance(is_train, Tensor) or is_train.ndim != 1 or not _is_mask(is_train):
            raise ValueError(
                f"expected is_train as a tensor of True and False, (N,); got {in_short(is_train)}"
            )
        count = len(is_train)
        for name, tensor in tensors.items():
            if not isinstance(tensor, Tensor) or not tensor.ndim:
                raise ValueError(
                    f"expected a tensor of shape (N, ...) for {name!r}, got {in_short(tensor)}"
                )
            if len(tensor) != count:
                raise ValueError(
                    f"expected {count} examples in {name!r}, as many as in is_train; got "
                    f"{len(tensor)}"
                )
        if is_train.all() or not is_train.any():
            raise ValueError("expected at least one training and one held-out example")
        self.is_train = is_train.bool().to(device)
        self.examples = torch.arange(count, device=device)
        self.tensors = {name: tensor.to(device) for name, tensor in tensors.items()}

    def is_training(self, examples: Tensor) -> Tensor:
        """Return a Boolean tensor, (B,), that says which examples, (B,), are for training."""
        return self.is_train[examples]

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the index of each example."""
        return {"example": self.examples.cpu().numpy().astype(np.int64)}


def _is_mask(values: Tensor) -> bool:
    """Whether a tensor contains only True and False, or 1 and 0."""
    return torch.equal(values.bool().to(values.dtype), values)


def check_data(data: Data) -> None:
    """Check that the data say of every example whether it is for training.

    Numbers in place of True and False would select examples by their index.

    Raises:
        ValueError: ``examples`` is not a tensor, ``is_train`` is not a Boolean tensor of the same
            length, or there are no training or no held-out examples.
    """
    examples, is_train = (getattr(data, name, None) for name in ("examples", "is_train"))
    if not isinstance(examples, Tensor) or not examples.ndim:
        raise ValueError(f"expected examples as a tensor, (N, ...); got {in_short(examples)}")
    is_train = checked_mask("is_train", is_train, len(examples))
    if is_train.all() or not is_train.any():
        raise ValueError("expected at least one training and one held-out example")


def checked_mask(name: str, mask: object, count: int) -> Tensor:
    """Return a mask of examples after checking that it is a Boolean tensor, (count,).

    Raises:
        ValueError: It is not.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != (count,):
        is_tensor = isinstance(mask, Tensor)
        got = f"{mask.dtype}, {tuple(mask.shape)}" if is_tensor else in_short(mask)
        raise ValueError(f"expected {name} as a Boolean tensor, ({count},); got {got}")
    return mask


def training_examples(data: Data) -> Tensor:
    """Return the training examples."""
    return data.examples[data.is_train]


def held_out_examples(data: Data) -> Tensor:
    """Return the held-out examples."""
    return data.examples[~data.is_train]
