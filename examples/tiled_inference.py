"""Tiled inference: a large picture in tiles gives what the whole picture gives.

A picture that does not fit in memory is cut into overlapping tiles. A plain net gives the same
inside of a tile as for the whole, since a convolution sees the same wherever it looks. A net with
coordinates does too, if each tile says where it lies: `window=(start, whole)`, in pixels. Without
it, every tile takes itself for the whole picture.

    python examples/tiled_inference.py
"""

import torch
from torch import Tensor, nn

from coordconv import CoordConv2d

MARGIN = 2  # How far the net sees: one pixel for each of its two 3 x 3 convolutions.


class Net(nn.Module):
    """Two convolutions, both of which know where they are."""

    def __init__(self) -> None:
        super().__init__()
        self.first = CoordConv2d(3, 8, 3, padding=1)
        self.second = CoordConv2d(8, 4, 3, padding=1)

    def forward(self, x: Tensor, window: tuple | None = None) -> Tensor:
        """Return the features of pictures, or of tiles that lie at a window of a larger one."""
        # No layer changes the size here, so that the tile lies at the same window for both. Behind
        # a stride of 2, start and whole would be half as large.
        return self.second(self.first(x, window=window).relu(), window=window)


def in_tiles(net: Net, picture: Tensor, tile: int, with_window: bool = True) -> Tensor:
    """Return what the net gives for a picture, computed in tiles of ``tile`` pixels inside."""
    *_, height, width = picture.shape
    rows = []
    for top in range(0, height, tile):
        row = []
        for left in range(0, width, tile):
            # What the net sees around the tile, as far as there is a picture.
            start = max(top - MARGIN, 0), max(left - MARGIN, 0)
            end = top + tile + MARGIN, left + tile + MARGIN
            piece = picture[..., start[0] : end[0], start[1] : end[1]]
            features = net(piece, window=(start, (height, width)) if with_window else None)
            inside = features[..., top - start[0] :, left - start[1] :]
            row.append(inside[..., :tile, :tile])
        rows.append(torch.cat(row, dim=-1))
    return torch.cat(rows, dim=-2)


def main() -> None:
    """Compare the whole with its tiles, placed and not placed."""
    torch.manual_seed(0)
    net, picture = Net().eval(), torch.randn(1, 3, 203, 331)
    with torch.no_grad():
        whole = net(picture)
        placed = in_tiles(net, picture, tile=64)
        lost = in_tiles(net, picture, tile=64, with_window=False)
    right, wrong = (placed - whole).abs().max(), (lost - whole).abs().max()
    print(f"tiles that know where they lie: largest difference {right:.1e}")
    print(f"tiles that do not:              largest difference {wrong:.1e}")
    assert right < 1e-5 < 0.1 < wrong


if __name__ == "__main__":
    main()
