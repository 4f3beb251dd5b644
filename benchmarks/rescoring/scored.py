"""The scores of networks on real data."""

from typing import NamedTuple

from rescore import Weights
from torch import Tensor

Scores = dict[str, Tensor]


class Scored(NamedTuple):
    """The scores of every example, (N,) each, which are for training, and the units of all."""

    scores: Scores
    is_train: Tensor
    unit: Tensor | None = None
    units: tuple[str, ...] = ()


def sees(weights: Weights, name: str) -> bool:
    """Whether a layer has weights for coordinates."""
    return f"{name}.coord_weight" in weights


def both(name: str, usual: Tensor, without: Tensor) -> Scores:
    """The scores as they are and with the mean position everywhere, by name."""
    return {name: usual.double(), f"{name}_mean_position": without.double()}
