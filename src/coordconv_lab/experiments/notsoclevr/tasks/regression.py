"""Supervised coordinate regression: where is the one white pixel?

The task is from Liu et al. 2018 (arXiv:1807.03247), section 4.2.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.experiments.notsoclevr.data.notsoclevr import one_hot_images
from coordconv_lab.objective import Objective


class Regression(Objective):
    """Regression of the point in pixels, with the mean squared error as the loss.

    The scores are the accuracy after rounding, as in the tutorial, and the distance.
    """

    keeps_predictions = True

    def __init__(self, canvas: tuple[int, int]) -> None:
        self.canvas = canvas

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the one-hot images, (N, 1, H, W)."""
        return one_hot_images(examples, self.canvas)

    def ask(self, net: nn.Module, points: Tensor) -> Tensor:
        """Return the predicted (x, y) in pixels, not rounded, (N, 2)."""
        return super().ask(net, points).float()

    def loss(self, net: nn.Module, points: Tensor) -> Tensor:
        """Return the mean squared error over both coordinates, in square pixels."""
        return functional.mse_loss(self.ask(net, points), points.float())

    def score(self, predictions: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Return the accuracy by point and by coordinate after rounding, and the distance."""
        right = predictions.round() == points
        distance = torch.linalg.vector_norm(predictions - points, dim=1)
        return {
            "accuracy": right.all(dim=1).float(),
            "coordinate_accuracy": right.float().mean(dim=1),
            "distance": distance,
        }

    def summarise(self, scores: dict[str, Tensor]) -> dict[str, float]:
        """Return the fractions of correct points and coordinates, and mean and largest distance."""
        means = {name: values.double().mean().item() for name, values in scores.items()}
        return {
            "accuracy": means["accuracy"],
            "coordinate_accuracy": means["coordinate_accuracy"],
            "mean_distance": means["distance"],
            "worst_distance": scores["distance"].max().item(),
        }
