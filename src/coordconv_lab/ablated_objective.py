"""An objective that also scores a network with the position removed from its coordinates."""

import torch
from torch import Tensor, nn

from coordconv.usage.changes import averaged
from coordconv.usage.layer_positions import (
    COORDINATE_LAYERS,
    changed_positions,
    coordinate_layers,
)
from coordconv_lab.objective import Objective

SUFFIX = "_mean_position"
"""Suffix of the names of scores with the mean position everywhere."""


class AblatedObjective(Objective):
    """Scores of a network, unchanged and with the mean position everywhere.

    A subclass implements `predict` and `score_one` instead of `ask` and `score`. For each score
    there is a second score, whose name ends with `SUFFIX`, for the same network with the mean of
    its coordinates at every pixel (`coordconv.usage.coordinate_usage`). For a network without
    coordinate layers, both scores are equal.
    """

    def predict(self, net: nn.Module, examples: Tensor, /) -> Tensor:
        """Return the outputs of the network for a batch of examples, (B, ...)."""
        return net(self.inputs(examples))

    def score_one(self, outputs: Tensor, examples: Tensor, /) -> dict[str, Tensor]:
        """Return the scores of each output by name, (B,) each, the main score first."""
        raise NotImplementedError

    def ask(self, net: nn.Module, examples: Tensor, /) -> Tensor:
        """Return the outputs, unchanged and with the mean position everywhere, (B, 2, ...)."""
        usual = self.predict(net, examples)
        if not any(isinstance(layer, COORDINATE_LAYERS) for layer in net.modules()):
            return torch.stack([usual, usual], 1)
        with changed_positions(coordinate_layers(net), averaged):
            return torch.stack([usual, self.predict(net, examples)], 1)

    def score(self, predictions: Tensor, examples: Tensor, /) -> dict[str, Tensor]:
        """Return both scores of each prediction."""
        usual, without = (self.score_one(side, examples) for side in predictions.unbind(1))
        return usual | {f"{name}{SUFFIX}": value for name, value in without.items()}
