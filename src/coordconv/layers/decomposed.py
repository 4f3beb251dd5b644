"""Coordinate layers in their published form: append the coordinates, then convolve.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer". This form works with tools that
edit the weights of convolutions, because a single ``weight`` holds data and coordinate weights.
"""

from typing import Any

import torch.fx
from torch import Tensor, nn

from coordconv.conventions import Convention
from coordconv.functional import append_coordinates
from coordconv.grids import AnyWindow
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import describe
from coordconv.layers.integrated import Integrated

__all__ = ["DECOMPOSED", "DecomposedCoordConv", "DecomposedLayer", "appended"]


def appended(
    input: Tensor,
    rank: int,
    convention: Convention,
    radius: bool,
    groups: int,
    window: AnyWindow | None,
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


class DecomposedCoordConv(Integrated):
    """A coordinate layer as two modules: `AddCoords` and a plain convolution.

    ``coordconv.decompose`` creates these layers from coordinate layers, and ``coordconv.recompose``
    converts them back.

    Attributes:
        coords: Appends the coordinates to every group of channels.
        conv: A plain convolution, whose ``in_channels`` includes the coordinates.
        coord_kernel_size: Size of the coordinate kernel. The coordinate weights of ``conv`` are
            zero outside this kernel.
    """

    coords: AddCoords
    conv: Any
    coord_kernel_size: tuple[int, ...]

    def forward(
        self,
        input: Tensor,
        output_size: list[int] | None = None,
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Append the coordinates, then convolve, with the arguments of the coordinate layer."""
        coords, rank = self.coords, len(self.coord_kernel_size)
        joined = appended(
            input, rank, coords.convention, coords.radius, coords.groups, window, coordinates
        )
        return self.conv(joined) if output_size is None else self.conv(joined, output_size)


class DecomposedLayer(Integrated):
    """A coordinate layer as one convolution with one ``weight`` for data and coordinates.

    Each subclass is also a subclass of a plain convolution. Its ``in_channels`` includes the
    coordinates.
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
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Append the coordinates, then convolve, with the arguments of the coordinate layer."""
        rank = len(self.kernel_size)
        joined = appended(
            input, rank, self.convention, self.radius, self.groups, window, coordinates
        )
        plain: Any = super().forward
        return plain(joined) if output_size is None else plain(joined, output_size)

    def extra_repr(self) -> str:
        """Return the description of the plain layer, with the radius and the convention."""
        return f"{super().extra_repr()}, radius={self.radius}{describe(self.convention)}"


DECOMPOSED: dict[Any, type[nn.Module]] = {
    plain: type(f"Decomposed{plain.__name__}", (DecomposedLayer, plain), {"__module__": __name__})
    for plain in (
        nn.Conv1d,
        nn.Conv2d,
        nn.Conv3d,
        nn.ConvTranspose1d,
        nn.ConvTranspose2d,
        nn.ConvTranspose3d,
    )
}
"""The class of a decomposed layer for each plain convolution."""

globals().update(
    {kind.__name__: kind for kind in DECOMPOSED.values()}
)  # Pickle looks up the classes in this module.
