"""Coordinate layers in their published form: append the coordinates, then convolve.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer". This form works with tools that
edit the weights of convolutions, because a single ``weight`` holds data and coordinate weights.
"""

from typing import Any

import torch.fx
from torch import Tensor, nn

from coordconv.conventions import Convention
from coordconv.functional import append_coordinates
from coordconv.grids import Window
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import describe
from coordconv.layers.integrated import Integrated
from coordconv.placements import Placement

__all__ = ["EXPANDED", "ExpandedCoordConv", "ExpandedLayer", "appended"]


def appended(
    input: Tensor,
    rank: int,
    convention: Convention,
    radius: bool,
    groups: int,
    window: Window | Placement | tuple | None,
    coordinates: Tensor | None,
) -> Tensor:
    """Apply `append_coordinates` to a batch, or to one image without a batch axis.

    ``torch.fx`` records a call of this function, because it cannot trace code that reads a size.
    """
    batch = input if input.dim() == rank + 2 else input.unsqueeze(0)
    joined = append_coordinates(
        batch,
        convention=convention,
        radius=radius,
        groups=groups,
        window=window,
        coordinates=coordinates,
    )
    return joined if input.dim() == rank + 2 else joined.squeeze(0)


torch.fx.wrap("appended")


class ExpandedCoordConv(Integrated):
    """A coordinate layer as two modules: `AddCoords` and a plain convolution.

    ``coordconv.expand`` creates it, and ``coordconv.collapse`` reverses that.

    Attributes:
        coords: Appends the coordinates to every group of channels.
        conv: A plain convolution, whose ``in_channels`` includes the coordinates.
        coord_kernel_size: The coordinate kernel; coordinate weights outside it are zero.
    """

    coords: AddCoords
    conv: Any
    coord_kernel_size: tuple[int, ...]

    def forward(
        self,
        input: Tensor,
        output_size: list[int] | None = None,
        window: Window | Placement | tuple | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Append the coordinates, then convolve; arguments are those of the coordinate layer."""
        coords, rank = self.coords, len(self.coord_kernel_size)
        joined = appended(
            input, rank, coords.convention, coords.radius, coords.groups, window, coordinates
        )
        return self.conv(joined) if output_size is None else self.conv(joined, output_size)


class ExpandedLayer(Integrated):
    """A coordinate layer as one convolution with one ``weight`` for data and coordinates.

    It is a subclass of a plain convolution, whose ``in_channels`` includes the coordinates.
    """

    kernel_size: tuple[int, ...]
    groups: int
    convention: Convention
    radius: bool
    coord_kernel_size: tuple[int, ...]

    def forward(
        self,
        input: Tensor,
        output_size: list[int] | None = None,
        window: Window | Placement | tuple | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Append the coordinates, then convolve; arguments are those of the coordinate layer."""
        rank = len(self.kernel_size)
        joined = appended(
            input, rank, self.convention, self.radius, self.groups, window, coordinates
        )
        plain: Any = super().forward
        return plain(joined) if output_size is None else plain(joined, output_size)

    def extra_repr(self) -> str:
        """Return the text of the plain layer, the radius and the convention."""
        return f"{super().extra_repr()}, radius={self.radius}{describe(self.convention)}"


EXPANDED: dict[Any, type[nn.Module]] = {
    plain: type(f"Expanded{plain.__name__}", (ExpandedLayer, plain), {"__module__": __name__})
    for plain in (
        nn.Conv1d,
        nn.Conv2d,
        nn.Conv3d,
        nn.ConvTranspose1d,
        nn.ConvTranspose2d,
        nn.ConvTranspose3d,
    )
}
"""The class of an expanded layer for each plain convolution."""

globals().update({kind.__name__: kind for kind in EXPANDED.values()})  # Pickle looks them up here.
