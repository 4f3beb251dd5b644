"""The loss and the score for classifying crops."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.placed_objective import PlacedObjective


class CropClassification(PlacedObjective):
    """Classify crops: cross-entropy as the loss, accuracy as the score.

    Args:
        told: As in `PlacedObjective`.
        start: As in `PlacedObjective`.
        size: As in `PlacedObjective`.
        full_size: As in `PlacedObjective`.
        labels: The class of each crop, (N,).
    """

    evaluation_batch = 500

    def __init__(
        self,
        told: str,
        start: Tensor,
        size: Sequence[int],
        full_size: Sequence[int],
        labels: Tensor,
    ) -> None:
        super().__init__(told, start, size, full_size)
        self.labels = labels

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the mean cross-entropy."""
        return functional.cross_entropy(self.predict(net, examples), self.labels[examples])

    def score_one(self, outputs: Tensor, examples: Tensor) -> dict[str, Tensor]:
        """Return whether each prediction is correct."""
        return {"accuracy": (outputs.argmax(-1) == self.labels[examples]).float()}
