"""An objective for crops of larger images, whose networks are told where the crops are."""

from collections.abc import Sequence

from torch import Tensor, nn

from coordconv import Placement, positions
from coordconv_lab.ablated_objective import AblatedObjective


class PlacedObjective(AblatedObjective):
    """Scores of a network that sees crops, and may be told where they are in the full image.

    Attributes:
        told: What the network is told: "nothing"; the "true" place of each crop; the place of
            another crop of the batch, if "shuffled"; otherwise coordinates that start anew in each
            crop.
        start: First pixel of each crop in the full image, (N, d); also between pixels.
        size: Pixels of a crop along each of its d axes.
        full_size: Pixels of the full image along each axis.
    """

    def __init__(
        self, told: str, start: Tensor, size: Sequence[int], full_size: Sequence[int]
    ) -> None:
        self.told, self.start = told, start
        self.size, self.full_size = tuple(size), tuple(full_size)

    def first(self, examples: Tensor) -> Tensor:
        """Return the first pixel that the network is told of each crop, (B, d)."""
        start = self.start[examples]
        return start.roll(1, 0) if self.told == "shuffled" else start

    def place(self, examples: Tensor) -> Placement:
        """Return where the network is told that crops are."""
        if self.told not in ("true", "shuffled"):
            return Placement(self.size)
        return Placement(self.full_size).crop(self.first(examples), self.size)

    def call(self, net: nn.Module, crops: Tensor, place: Placement) -> Tensor:
        """Return the outputs of the network for crops at a place."""
        if self.told == "nothing":
            return net(crops)
        with positions(net, place, strict=False):
            return net(crops)

    def predict(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the outputs of the network for a batch of examples, (B, ...)."""
        return self.call(net, self.inputs(examples), self.place(examples))
