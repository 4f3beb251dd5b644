"""Supervised coordinate classification: which of the H x W pixels is meant?

Liu et al. 2018 (arXiv:1807.03247), section 4.1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.data.notsoclevr import pixel_index


class Classification:
    """A softmax over all pixels against the pixel of the point."""

    answers_are_points = True

    def __init__(self, canvas: tuple[int, int]) -> None:
        self.canvas = canvas

    def ask(self, net: nn.Module, points: Tensor) -> Tensor:
        """The logit of each pixel, (N, 1, H, W)."""
        return net(points)

    def read(self, outputs: Tensor) -> Tensor:
        """The likeliest pixel of each point as (x, y), (N, 2)."""
        best = outputs.flatten(1).argmax(dim=1)
        width = self.canvas[1]
        return torch.stack((best % width, best // width), dim=1)

    def picture(self, outputs: Tensor) -> Tensor:
        """How likely each pixel is beside the likeliest, which is 1: (N, 1, H, W)."""
        outputs = outputs.float()
        return (outputs - outputs.amax(dim=(1, 2, 3), keepdim=True)).exp()

    def loss(self, net: nn.Module, points: Tensor) -> Tensor:
        """Cross-entropy in nats; ln(H W) for a net that knows nothing."""
        logits = net(points).flatten(1).float()
        return functional.cross_entropy(logits, pixel_index(points, self.canvas))

    def score(self, predictions: Tensor, points: Tensor) -> dict[str, Tensor]:
        """1 where the pixel is right, 0 elsewhere."""
        return {"accuracy": (predictions == points).all(dim=1).float()}

    def summarise(self, scores: dict[str, Tensor]) -> dict[str, float]:
        """The fraction of points whose pixel is right."""
        return {"accuracy": scores["accuracy"].double().mean().item()}
