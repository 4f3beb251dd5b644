"""Anchors, the overlaps of anchors and boxes, and the encoding of boxes as offsets.

A box is (center x, center y, width, height) in pixels.
"""

import torch
from torch import Tensor

SIDES = (15, 20, 25)
"""Widths and heights of the nine anchors, as in the paper's code."""

POSITIVE, NEGATIVE = 0.5, 0.1
"""Limits of the overlap with a box: the minimum for positive, the maximum for negative anchors."""

FIRST, STEP, CELLS = 6, 4, 13
"""The layout of the feature map: the pixel at the center of its first cell, the number of pixels
between the centers of cells, and the number of cells per row.
"""


def anchors() -> Tensor:
    """Return all anchors, (13 * 13 * 9, 4), sorted by row, column, height and width."""
    at = FIRST + STEP * torch.arange(CELLS, dtype=torch.float32)
    sides = torch.tensor(SIDES, dtype=torch.float32)
    y, x, height, width = torch.meshgrid(at, at, sides, sides, indexing="ij")
    return torch.stack([x, y, width, height], -1).reshape(-1, 4)


def middle() -> Tensor:
    """Return the reference box for absolute boxes, (1, 4), in the center of the canvas."""
    return torch.tensor([[31.5, 31.5, 20.0, 20.0]])


def overlaps(first: Tensor, second: Tensor) -> Tensor:
    """Return the intersection over union of boxes, (..., 4), with broadcasting."""
    low = torch.maximum(first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2)
    high = torch.minimum(first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2)
    shared = (high - low).clamp(min=0).prod(-1)
    union = first[..., 2:].prod(-1) + second[..., 2:].prod(-1) - shared
    return shared / union


def overlaps_an_anchor(boxes: Tensor) -> bool:
    """Whether at least one of the boxes, (n, 4), has a positive anchor."""
    return bool((overlaps(anchors()[:, None], boxes) >= POSITIVE).any())


def matched(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Match all anchors with the boxes of canvases, (N, n, 4).

    Returns:
        The largest overlap of each anchor with a box, (N, A), and the index of that box, (N, A).
    """
    found = [overlaps(anchors()[:, None], part[:, None]).max(-1) for part in boxes.split(64)]
    return torch.cat([one.values for one in found]), torch.cat([one.indices for one in found])


def encode(boxes: Tensor, reference: Tensor) -> Tensor:
    """Return boxes as offsets from reference boxes.

    The offset of a center is divided by the size of the reference box. The offset of a size is the
    logarithm of the size divided by that of the reference box.
    """
    size = reference[..., 2:]
    centers = (boxes[..., :2] - reference[..., :2]) / size
    return torch.cat([centers, (boxes[..., 2:] / size).log()], -1)


def decode(offsets: Tensor, reference: Tensor) -> Tensor:
    """Return the boxes that offsets describe. They are at most 100 times as large as references."""
    size = reference[..., 2:]
    centers = reference[..., :2] + offsets[..., :2] * size
    return torch.cat([centers, offsets[..., 2:].clamp(max=4.6).exp() * size], -1)
