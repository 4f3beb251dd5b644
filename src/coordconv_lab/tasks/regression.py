"""Supervised coordinate regression: where is the one white pixel?

Liu et al. 2018 (arXiv:1807.03247), section 4.2.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.data.notsoclevr import one_hot_images


class Regression:
    """Mean squared error in pixels; scored after rounding, as the tutorial does, and in pixels."""

    answers_are_points = True

    def __init__(self, canvas: tuple[int, int]) -> None:
        self.canvas = canvas

    def ask(self, net: nn.Module, points: Tensor) -> Tensor:
        """The net's (x, y) in pixels, not rounded, (N, 2)."""
        return net(one_hot_images(points, self.canvas)).float()

    def read(self, outputs: Tensor) -> Tensor:
        """The outputs themselves."""
        return outputs

    def picture(self, outputs: Tensor) -> None:
        """There is none: the outputs are points."""

    def loss(self, net: nn.Module, points: Tensor) -> Tensor:
        """Mean squared error over both coordinates, in square pixels."""
        return functional.mse_loss(self.ask(net, points), points.float())

    def score(self, predictions: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Accuracy of the point and of its coordinates after rounding; distance in pixels."""
        right = predictions.round() == points
        distance = torch.linalg.vector_norm(predictions - points, dim=1)
        return {
            "accuracy": right.all(dim=1).float(),
            "coordinate_accuracy": right.float().mean(dim=1),
            "distance": distance,
        }

    def summarise(self, scores: dict[str, Tensor]) -> dict[str, float]:
        """Fractions of points and of coordinates that are right; mean and largest distance."""
        means = {name: values.double().mean().item() for name, values in scores.items()}
        return {
            "accuracy": means["accuracy"],
            "coordinate_accuracy": means["coordinate_accuracy"],
            "mean_distance": means["distance"],
            "worst_distance": scores["distance"].max().item(),
        }
