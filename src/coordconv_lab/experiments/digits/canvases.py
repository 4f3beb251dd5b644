"""Canvases with scattered digits, drawn from the seed of the data."""

import gzip
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.digits.boxes import matched, overlaps_an_anchor
from coordconv_lab.experiments.digits.source import FILE, SOURCE
from coordconv_lab.experiments.digits.specs import DigitsSpec

CANVAS, WHOLE = 64, 120
SMALLEST, LARGEST = 15, 25
DIGITS = 5

_PER_CLASS, _TEST, _VALIDATION = 500, 100, 100


class Canvas(NamedTuple):
    """One image.

    Attributes:
        image: The image, (1, 64, 64), from 0 to 1.
        label: Class of the first digit.
        boxes: The box of every digit, (n, 4): center x, center y, width and height in pixels.
            Integer coordinates are the centers of pixels.
    """

    image: Tensor
    label: int
    boxes: Tensor


@lru_cache(maxsize=1)
def digits() -> tuple[Tensor, Tensor]:
    """Return all digits, (5000, 28, 28), from 0 to 1, and their classes, (5000,).

    Raises:
        InputError: The package with the digits is missing, or has another version or content.
    """
    text = gzip.decompress(SOURCE.read(FILE)).decode()
    table = np.fromstring(text.replace("\n", ","), sep=",", dtype=np.float32).reshape(-1, 785)
    images = torch.from_numpy(table[:, :784].reshape(-1, 28, 28) / 255)
    return images, torch.from_numpy(table[:, 784].astype(np.int64))


def sides(held_out: str) -> tuple[Tensor, Tensor]:
    """Return the indices of training and held-out digits, with equally many digits per class."""
    within = torch.arange(_PER_CLASS * 10) % _PER_CLASS
    first = _PER_CLASS - _TEST
    if held_out == "test":
        return (within < first).nonzero().flatten(), (within >= first).nonzero().flatten()
    train = within < first - _VALIDATION
    return train.nonzero().flatten(), ((within < first) & ~train).nonzero().flatten()


@lru_cache(maxsize=2)
def load(spec: DigitsSpec, device: torch.device | str) -> IndexedData:
    """Draw the canvases, and match anchors with boxes.

    The data have the tensors ``image``, (N, 1, 64, 64), ``label``, (N,), and ``boxes``, (N, n, 4).
    If canvases have five digits, there are two more tensors. ``matched``, (N, A), is the index of
    the box that overlaps most with each anchor, and ``overlap``, (N, A), is their overlap.
    """
    generator = torch.Generator().manual_seed(spec.canvas_seed)
    drawn: list[Canvas] = []
    for side, count in zip(sides(spec.held_out), (spec.train, spec.test), strict=True):
        held_out = len(drawn) > 0
        drawn += [_drawn(spec, side, held_out, generator) for _ in range(count)]
    tensors = {
        "image": torch.stack([one.image for one in drawn]),
        "label": torch.tensor([one.label for one in drawn]),
        "boxes": torch.stack([one.boxes for one in drawn]),
    }
    if spec.scene == "five":
        tensors["overlap"], tensors["matched"] = matched(tensors["boxes"])
    return IndexedData(torch.arange(len(drawn)) < spec.train, tensors, device)


def _drawn(spec: DigitsSpec, side: Tensor, held_out: bool, generator: torch.Generator) -> Canvas:
    while True:
        canvas = _scattered(spec, side, generator)
        center = canvas.boxes[0, :2]
        in_quadrant = bool((center >= CANVAS / 2 - 0.5).all())
        if spec.split == "quadrant" and in_quadrant != held_out:
            continue
        if spec.scene == "one" or overlaps_an_anchor(canvas.boxes):
            return canvas


def _scattered(spec: DigitsSpec, side: Tensor, generator: torch.Generator) -> Canvas:
    images, classes = digits()
    size, count = (CANVAS, 1) if spec.scene == "one" else (WHOLE, DIGITS)
    canvas, boxes, labels = torch.zeros(size, size), [], []
    for _ in range(count):
        index = side[torch.randint(len(side), (), generator=generator)]
        height, width = torch.randint(SMALLEST, LARGEST + 1, (2,), generator=generator).tolist()
        top, left = (
            int(torch.randint(size - length + 1, (), generator=generator))
            for length in (height, width)
        )
        canvas[top : top + height, left : left + width] += _resized(images[index], height, width)
        boxes.append([left + (width - 1) / 2, top + (height - 1) / 2, width, height])
        labels.append(int(classes[index]))
    margin = (size - CANVAS) // 2
    found = torch.tensor(boxes) - torch.tensor([margin, margin, 0, 0])
    inner = canvas[margin : margin + CANVAS, margin : margin + CANVAS].clamp(max=1)
    return Canvas(inner[None], labels[0], found)


def _resized(digit: Tensor, height: int, width: int) -> Tensor:
    """Return the bounding box of a digit, resized."""
    rows, columns = (digit > 0).any(1).nonzero(), (digit > 0).any(0).nonzero()
    ink = digit[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    return functional.interpolate(ink[None, None], (height, width), mode="bilinear")[0, 0]
