"""An objective for crops of larger images, whose networks see the positions of the crops."""

from collections.abc import Sequence

from torch import Tensor, nn

from coordconv import Placement, positions
from coordconv_lab.ablated_objective import AblatedObjective


class PlacedObjective(AblatedObjective):
    """Scores of a network that sees crops, and possibly their positions in the full image.

    Attributes:
        told: The coordinates that the network sees: "nothing"; the "true" position of each crop;
            "shuffled", the position of another crop in the batch; otherwise, coordinates relative
            to the crop.
        start: First pixel of each crop in the full image, (N, d), possibly fractional.
        size: Pixels of a crop along each of its d axes.
        full_size: Pixels of the full image along each axis.
    """

    def __init__(
        self, told: str, start: Tensor, size: Sequence[int], full_size: Sequence[int]
    ) -> None:
        self.told, self.start = told, start
        self.size, self.full_size = tuple(size), tuple(full_size)

    def first(self, examples: Tensor) -> Tensor:
        """Return the first pixel of each crop, (B, d), according to the network's coordinates."""
        start = self.start[examples]
        return start.roll(1, 0) if self.told == "shuffled" else start

    def place(self, examples: Tensor) -> Placement:
        """Return the placement of the crops, according to the network's coordinates."""
        if self.told not in ("true", "shuffled"):
            return Placement(self.size)
        return Placement(self.full_size).crop(self.first(examples), self.size)

    def call(self, net: nn.Module, crops: Tensor, place: Placement) -> Tensor:
        """Return the outputs of the network for crops with a placement."""
        if self.told == "nothing":
            return net(crops)
        with positions(net, place, strict=False):
            return net(crops)

    def predict(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the outputs of the network for a batch of examples, (B, ...)."""
        return self.call(net, self.inputs(examples), self.place(examples))
