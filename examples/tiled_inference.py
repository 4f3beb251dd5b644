"""Tiled inference: the tiles of a large image give the output of the full image.

An image that does not fit in memory is cut into overlapping tiles. A plain network gives the same
output inside a tile as for the full image, because a convolution computes the same function at
every position. A network with coordinates also gives the same output, if each tile gets its
position. The argument `window=(start, full_size)` of a layer contains this position: the row and
column of the tile's first pixel, and the size of the full image. Without a window, each tile is
treated as a full image.

    python examples/tiled_inference.py
"""

import torch
from torch import Tensor, nn

from coordconv import CoordConv2d

MARGIN = 2  # Radius of the receptive field: one pixel for each 3x3 convolution.


class Net(nn.Module):
    """Two convolutions with coordinates."""

    def __init__(self) -> None:
        super().__init__()
        self.first = CoordConv2d(3, 8, 3, padding=1)
        self.second = CoordConv2d(8, 4, 3, padding=1)

    def forward(self, x: Tensor, window: tuple | None = None) -> Tensor:
        """Return the features of images, or of tiles at ``window`` in a larger image."""
        # No layer changes the size, so both get the same window. After a stride of 2, the start
        # and the full size would be half as large.
        return self.second(self.first(x, window=window).relu(), window=window)


def in_tiles(net: Net, picture: Tensor, tile: int, with_window: bool = True) -> Tensor:
    """Return the output for an image, computed in tiles of ``tile`` pixels plus a margin."""
    *_, height, width = picture.shape
    rows = []
    for top in range(0, height, tile):
        row = []
        for left in range(0, width, tile):
            # The receptive field of the tile, clipped at the edge of the image.
            start = max(top - MARGIN, 0), max(left - MARGIN, 0)
            end = top + tile + MARGIN, left + tile + MARGIN
            piece = picture[..., start[0] : end[0], start[1] : end[1]]
            features = net(piece, window=(start, (height, width)) if with_window else None)
            inside = features[..., top - start[0] :, left - start[1] :]
            row.append(inside[..., :tile, :tile])
        rows.append(torch.cat(row, dim=-1))
    return torch.cat(rows, dim=-2)


def main() -> None:
    """Compare the full image with its tiles, with windows and without."""
    torch.manual_seed(0)
    net, picture = Net().eval(), torch.randn(1, 3, 203, 331)
    with torch.no_grad():
        whole = net(picture)
        placed = in_tiles(net, picture, tile=64)
        lost = in_tiles(net, picture, tile=64, with_window=False)
    right, wrong = (placed - whole).abs().max(), (lost - whole).abs().max()
    print(f"tiles with windows:    largest difference {right:.1e}")
    print(f"tiles without windows: largest difference {wrong:.1e}")
    assert right < 1e-5 < 0.1 < wrong


if __name__ == "__main__":
    main()
