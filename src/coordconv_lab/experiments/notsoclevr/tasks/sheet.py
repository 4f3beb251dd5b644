"""The sprite sheet of a run, an image with one tile for the network's output at each position."""

import io
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

GREYS = 16

LARGEST = 2**26
"""Maximum number of pixels. Larger sheets are not written, because phones open them slowly."""


class ImageTask(Protocol):
    """A task whose outputs can be shown as images."""

    def picture(self, outputs: Tensor) -> Tensor | None:
        """Return outputs as images, (N, 1, H, W) in [0, 1], or None if they cannot be shown."""
        ...


class Sheet:
    """A sprite sheet with one tile per position, arranged in the same rows and columns.

    Each tile has the size of the canvas.

    Args:
        task: The task of the network.
        points: All combinations of rows and columns, as points (x, y), (N, 2).
        canvas: (height, width) of a tile.
    """

    def __init__(self, task: ImageTask, points: Tensor, canvas: tuple[int, int]) -> None:
        self._task, self._canvas = task, canvas
        self._columns, self._rows = (axis.unique().cpu() for axis in points.T)
        height, width = len(self._rows) * canvas[0], len(self._columns) * canvas[1]
        self._fits = height * width <= LARGEST
        self._pixels = np.zeros((height, width) if self._fits else (0, 0), np.uint8)
        self._painted = False

    def watch(self, points: Tensor, outputs: Tensor) -> None:
        """Draw the outputs of a network for a batch of points, each into its tile."""
        pictures = self._task.picture(outputs)
        if pictures is None or not self._fits:
            return
        tiles = (pictures[:, 0] * (GREYS - 1)).round().to(torch.uint8).cpu().numpy()
        columns, rows = points.cpu().T.contiguous()
        height, width = self._canvas
        tops = torch.searchsorted(self._rows, rows) * height
        lefts = torch.searchsorted(self._columns, columns) * width
        for tile, top, left in zip(tiles, tops.tolist(), lefts.tolist(), strict=True):
            self._pixels[top : top + height, left : left + width] = tile
        self._painted = True

    def files(self) -> dict[str, bytes]:
        """Return the file sheet.png, unless nothing was drawn."""
        png = self.png()
        return {} if png is None else {"sheet.png": png}

    def png(self) -> bytes | None:
        """Return a PNG file with 16 gray levels, or None if nothing was drawn.

        Nothing is drawn if predictions are points, or if the sheet would be too large.
        """
        if not self._painted:
            return None
        image = Image.fromarray(self._pixels, "P")
        image.putpalette([level * 255 // (GREYS - 1) for level in range(GREYS) for _ in range(3)])
        file = io.BytesIO()
        image.save(file, "png", bits=4, optimize=True)
        return file.getvalue()
