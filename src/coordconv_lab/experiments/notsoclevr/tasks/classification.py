"""Supervised coordinate classification: which of the H x W pixels is at the point?

The task is from Liu et al. 2018 (arXiv:1807.03247), section 4.1.
"""

from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.experiments.notsoclevr.data.notsoclevr import pixel_index
from coordconv_lab.experiments.notsoclevr.tasks.images import ImageObjective
from coordconv_lab.experiments.notsoclevr.tasks.sampled_pixels import sampled_pixels


class ComputesSomePixels(Protocol):
    """A network whose output can be computed for some of the pixels."""

    def logits_at(self, points: Tensor, pixels: Tensor) -> Tensor:
        """Map points (N, 2) to the logits of the pixels with some indices, both (N, K)."""
        ...


class Classification(ImageObjective):
    """Cross-entropy between a softmax over all pixels and the pixel of the point.

    Args:
        canvas: (height, width) in pixels.
        loss_window: Side of the window around the point whose pixels a step computes, with as many
            random pixels; None for all pixels.
    """

    keeps_predictions = True

    def __init__(self, canvas: tuple[int, int], loss_window: int | None = None) -> None:
        super().__init__(canvas)
        self.loss_window = loss_window

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the points, (N, 2). Networks map them to logits of each pixel, (N, 1, H, W)."""
        return examples

    def read(self, outputs: Tensor) -> Tensor:
        """Return the most likely pixel of each point as (x, y), (N, 2)."""
        best = outputs.flatten(1).argmax(dim=1)
        width = self.canvas[1]
        return torch.stack((best % width, best // width), dim=1)

    def picture(self, outputs: Tensor) -> Tensor:
        """Return the probability of each pixel divided by the largest one, (N, 1, H, W)."""
        outputs = outputs.float()
        return (outputs - outputs.amax(dim=(1, 2, 3), keepdim=True)).exp()

    def loss(self, net: nn.Module, points: Tensor) -> Tensor:
        """Return the cross-entropy in nats, which is ln(H W) for a uniform prediction.

        With a loss window, it is estimated from some of the pixels.
        """
        if self.loss_window is not None:
            of_some = cast(ComputesSomePixels, net)  # the spec allows only these networks
            sample = sampled_pixels(points, self.canvas, self.loss_window)
            logits = of_some.logits_at(points, sample.pixels).float()
            return functional.cross_entropy(logits + sample.log_weights, sample.targets)
        logits = net(points).flatten(1).float()
        return functional.cross_entropy(logits, pixel_index(points, self.canvas))

    def score(self, predictions: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Return 1 for each correct pixel, else 0."""
        return {"accuracy": (predictions == points).all(dim=1).float()}

    def summarise(self, scores: dict[str, Tensor]) -> dict[str, float]:
        """Return the fraction of points with the correct pixel."""
        return {"accuracy": scores["accuracy"].double().mean().item()}
