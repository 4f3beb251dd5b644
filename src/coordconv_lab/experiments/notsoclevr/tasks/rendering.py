"""Supervised rendering: paint the square around the point.

The task is from Liu et al. 2018 (arXiv:1807.03247), section 4.3. A renderer can predict the point
first, and then paint the square. A loss on this intermediate point is an option of the paper's
code.
"""

from typing import Literal, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.examples import Data
from coordconv_lab.experiments.notsoclevr.data.notsoclevr import (
    NotSoClevr,
    pixel_index,
    square_images,
)
from coordconv_lab.experiments.notsoclevr.tasks.images import ImageObjective
from coordconv_lab.experiments.notsoclevr.tutorial_scores import GALLERY


class FindsThenDraws(Protocol):
    """A renderer in two halves: `find` returns logits of the point, and `draw` paints from them."""

    def find(self, points: Tensor) -> Tensor:
        """Map points (N, 2) to logits of the point, (N, 1, H, W)."""
        ...

    def draw(self, point_logits: Tensor) -> Tensor:
        """Map logits of the point to logits of the square, both (N, 1, H, W)."""
        ...


class Rendering(ImageObjective):
    """Rendering of squares. The scores compare pixels above 0.5, and probabilities, with targets.

    Args:
        canvas: (height, width) in pixels.
        square: Side of the square in pixels.
        point_loss: Weight of the cross-entropy of the renderer's intermediate point.
        pixel_loss: "cross_entropy" for the binary cross-entropy of each pixel, or "squared" for the
            squared error of its probability.
    """

    def __init__(
        self,
        canvas: tuple[int, int],
        square: int,
        point_loss: float = 0.0,
        pixel_loss: Literal["cross_entropy", "squared"] = "cross_entropy",
    ) -> None:
        super().__init__(canvas)
        self.square = square
        self.point_loss, self.pixel_loss = point_loss, pixel_loss

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the points, (N, 2). Networks map them to logits of white pixels, (N, 1, H, W)."""
        return examples

    def read(self, outputs: Tensor) -> Tensor:
        """Return the probability that each pixel is white, (N, 1, H, W)."""
        return outputs.float().sigmoid()

    def picture(self, outputs: Tensor) -> Tensor:
        """Return the probability that each pixel is white, (N, 1, H, W)."""
        return self.read(outputs)

    def loss(self, net: nn.Module, points: Tensor) -> Tensor:
        """Return the mean pixel loss, plus the weighted cross-entropy of the point, if used."""
        if not self.point_loss:
            return self._pixel_loss(net(points), points)
        halves = cast(FindsThenDraws, net)  # the spec allows point_loss for these networks only
        point_logits = halves.find(points).float()
        found = functional.cross_entropy(point_logits.flatten(1), pixel_index(points, self.canvas))
        return self._pixel_loss(halves.draw(point_logits), points) + self.point_loss * found

    def _pixel_loss(self, logits: Tensor, points: Tensor) -> Tensor:
        target = square_images(points, self.canvas, self.square)
        if self.pixel_loss == "squared":
            return functional.mse_loss(logits.float().sigmoid(), target)
        return functional.binary_cross_entropy_with_logits(logits.float(), target)

    def score(self, predictions: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Return how well each image agrees with its target square: three scores, each (N,).

        `iou` is the intersection over union of the target and the pixels above 0.5, so a gray
        background does not reduce it. `soft_iou` compares the probabilities p with the target t:
        sum min(p, t) / sum max(p, t). `absolute_error` is the mean of |p - t| over the pixels.
        """
        target = square_images(points, self.canvas, self.square)
        painted, wanted = predictions > 0.5, target > 0.5
        return {
            "iou": _over_pixels(painted & wanted) / _over_pixels(painted | wanted),
            "soft_iou": _over_pixels(predictions.minimum(target))
            / _over_pixels(predictions.maximum(target)),
            "absolute_error": (predictions - target).abs().mean(dim=(1, 2, 3)),
        }

    def summarise(self, scores: dict[str, Tensor]) -> dict[str, float]:
        """Return the mean and worst intersection over union, and the means of the other scores."""
        mean = {name: values.double().mean().item() for name, values in scores.items()}
        return {
            "mean_iou": mean["iou"],
            "worst_iou": scores["iou"].min().item(),
            "soft_iou": mean["soft_iou"],
            "mean_absolute_error": mean["absolute_error"],
        }

    @torch.inference_mode()
    def arrays(self, net: nn.Module, data: Data) -> dict[str, NDArray[np.generic]]:
        """Return the squares at the positions of the tutorial's figures, for the split of the run.

        Returns:
            A dict of arrays. ``gallery_row`` and ``gallery_column``, (12,), are the positions.
            ``gallery_pictures``, (12, H, W), are the predicted probabilities in steps of 1/255.
        """
        split = cast(NotSoClevr, data).spec.split
        places = GALLERY[split, "train"] + GALLERY[split, "test"]
        height, width = self.canvas
        places = tuple((row, column) for row, column in places if row < height and column < width)
        if not places:
            return {}
        points = torch.tensor(
            [(column, row) for row, column in places], device=data.examples.device
        )
        pictures = self.read(self.ask(net.eval(), points))[:, 0].cpu()
        return {
            "gallery_row": np.array([row for row, _ in places], dtype=np.int16),
            "gallery_column": np.array([column for _, column in places], dtype=np.int16),
            "gallery_pictures": (pictures * 255).round().to(torch.uint8).numpy(),
        }


def _over_pixels(images: Tensor) -> Tensor:
    return images.sum(dim=(1, 2, 3))
