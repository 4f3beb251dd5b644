"""A random sample of the pixels, from which a softmax over all pixels is estimated.

A sum over many terms can be estimated by importance sampling (Bengio and Senecal 2008, "Adaptive
importance sampling to accelerate training of a neural probabilistic language model"). Near the
point, where the largest terms are once a network has learned, the sum here is exact.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PixelSample", "sampled_pixels"]


class PixelSample(NamedTuple):
    """Some pixels of each image.

    Attributes:
        pixels: Indices of pixels in the flattened canvas, (N, K).
        log_weights: The logarithm of the number of pixels that each represents, (N, K). It is minus
            infinity for random pixels that are in the window already.
        targets: Which of the pixels is at the point, (N,).
    """

    pixels: Tensor
    log_weights: Tensor
    targets: Tensor


def sampled_pixels(points: Tensor, canvas: tuple[int, int], side: int) -> PixelSample:
    """Return the pixels of a window around each point, and as many random pixels.

    The expectation of the weighted sum of any values of these pixels is the sum over all pixels of
    the canvas. At an edge of the canvas, the window is moved inside. If it covers the canvas, there
    are no random pixels.

    Args:
        points: Points (x, y) in pixels, (N, 2).
        canvas: (height, width) in pixels.
        side: Side of the window in pixels.

    Example:
        >>> sample = sampled_pixels(torch.tensor([[3, 2]]), (6, 8), 2)
        >>> sample.pixels[0, sample.targets]  # 2 * 8 + 3
        tensor([19])
    """
    (height, width), (x, y) = canvas, points.long().t()
    rows, columns = min(side, height), min(side, width)
    top = (y - rows // 2).clamp(0, height - rows)
    left = (x - columns // 2).clamp(0, width - columns)
    down = torch.arange(rows, device=points.device)
    right = torch.arange(columns, device=points.device)
    window = (top[:, None] + down)[:, :, None] * width + (left[:, None] + right)[:, None]
    window = window.flatten(1)
    targets = (y - top) * columns + (x - left)
    count, all_pixels = window.shape[1], height * width
    if count == all_pixels:
        return PixelSample(window, torch.zeros_like(window, dtype=torch.float32), targets)
    others = torch.randint(all_pixels, window.shape, device=points.device)
    below, beside = others // width - top[:, None], others % width - left[:, None]
    is_in_window = (below >= 0) & (below < rows) & (beside >= 0) & (beside < columns)
    weights = torch.full(window.shape, math.log(all_pixels / count), device=points.device)
    weights = weights.masked_fill(is_in_window, -math.inf)
    return PixelSample(
        torch.cat((window, others), dim=1),
        torch.cat((torch.zeros_like(weights), weights), dim=1),
        targets,
    )
