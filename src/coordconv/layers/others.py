"""Coordinates for convolutions and layers that keep their own forward.

There are two ways, neither of which reads or changes the weights of the layer:

- beside it: ``forward(x) + convolution of the coordinates``, for a convolution with a known
  padding; it may transform its weights before the convolution;
- in front of it: ``forward(x + pointwise convolution of the coordinates)``, for any layer.

With zero coordinate weights, both compute the same as the layer itself, bit for bit.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.fx
from torch import Tensor, nn

from coordconv.computation import Method, check_floating_point, checked_method
from coordconv.computation import _without_autocast as without_autocast
from coordconv.conventions import Convention, checked_radius
from coordconv.grids import Window
from coordconv.layers.coordinates import CoordinateLayer, describe
from coordconv.layers.weight_guard import WeightGuard
from coordconv.operations import Convolution, PaddingMode, with_margins
from coordconv.pixel_positions import Positions
from coordconv.placements import Placement

__all__ = [
    "CoordinatesBeside",
    "CoordinatesInFront",
    "coordinates_to_pad",
    "minus_pointwise_coordinates",
    "plus_convolved_coordinates",
]

# torch.fx records calls of these functions, because it cannot trace code that reads a size.
torch.fx.wrap("coordinates_to_pad")
torch.fx.wrap("plus_convolved_coordinates")
torch.fx.wrap("minus_pointwise_coordinates")


class CoordinatesBeside(CoordinateLayer):
    """Mixin for a convolution with a custom forward, plus a convolution of the coordinates.

    It precedes the class of the convolution in the bases of a layer.
    """

    padding: str | tuple[int, ...]
    padding_mode: PaddingMode
    coord_pad: ClassVar[Callable[[Any, Tensor], Tensor]]

    def forward(
        self,
        input: Tensor,
        window: Window | Placement | tuple | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Return the layer's own output plus the convolution of the coordinates.

        Args:
            input: Shape (N, C, *size) or (C, *size).
            window: The position of the images in a full image, the same for all or per sample.
            coordinates: Explicit coordinates instead, shape (d, *size) or (N, d, *size).
        """
        self.check_weights()
        output = super().forward(input)
        grid = coordinates_to_pad(
            input, self.coord_weight, self.convention, self.radius, window, coordinates
        )
        return plus_convolved_coordinates(
            output,
            type(self).coord_pad(self, grid),
            self.coord_weight,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.padding_mode,
        )

    def reset_parameters(self) -> None:
        """Initialize the parameters as the layer itself does; set coordinate weights to zero."""
        super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]
        if "coord_weight" in self._parameters:
            nn.init.zeros_(self.coord_weight)


class CoordinatesInFront(CoordinateLayer):
    """Mixin for any layer, with a pointwise convolution of the coordinates added to its input.

    It precedes the class of the layer in the bases. ``coord_weight`` has shape
    (in_channels, d, 1, ...).
    """

    def set_options(
        self,
        radius: bool,
        convention: Convention | str,
        coord_kernel_size: int | tuple[int, ...] | None,
        method: Method,
    ) -> None:
        """Check and store the options; ``coord_kernel_size`` must be 1 for each axis."""
        if not isinstance(coord_kernel_size, tuple) or set(coord_kernel_size) != {1}:
            raise ValueError(
                "`coord_kernel_size` must be 1 for each axis for coordinates in front of a layer, "
                f"such as (1, 1), got {coord_kernel_size}"
            )
        WeightGuard.start_guard(self)
        self.radius = checked_radius(radius)
        self.convention = Convention.of(convention)
        self.coord_kernel_size = coord_kernel_size
        self.method = checked_method(method)

    def forward(
        self,
        input: Tensor,
        *arguments: Any,
        window: Window | Placement | tuple | None = None,
        coordinates: Tensor | None = None,
        **options: Any,
    ) -> Any:
        """Return the output of the layer for the sum of its input and the coordinate term.

        Args:
            input: Shape (N, C, *size) or (C, *size).
            arguments: Passed to the layer.
            window: The position of the images in a full image, the same for all or per sample.
            coordinates: Explicit coordinates instead, shape (d, *size) or (N, d, *size).
            options: Passed to the layer.
        """
        return super().forward(
            self.with_coordinates(input, window=window, coordinates=coordinates),
            *arguments,
            **options,
        )

    def coordinate_tensors(self) -> list[Tensor]:
        """Return an empty list: the term is added to the input, independently of ``weight``."""
        return []

    def with_coordinates(
        self,
        input: Tensor,
        *,
        window: Window | Placement | tuple | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Return the input plus the coordinate term."""
        return minus_pointwise_coordinates(
            input, -self.coord_weight, self.convention, self.radius, window, coordinates
        )

    def extra_repr(self) -> str:
        """Return the text of the layer itself, the radius and the convention."""
        said = super(CoordinateLayer, self).extra_repr()
        ours = f"coordinates in front, radius={self.radius}{describe(self.convention)}"
        return f"{said}, {ours}" if said else ours


def coordinates_to_pad(
    x: Tensor,
    coord_weight: Tensor,
    convention: Convention,
    radius: bool,
    window: Window | Placement | tuple | None,
    coordinates: Tensor | None,
) -> Tensor:
    """Return the coordinates of the pixels of x, shape (1, d, *size) or (N, d, *size)."""
    check_floating_point(x)
    rank = coord_weight.dim() - 2
    positions = Positions.of(x, rank, convention, radius, window, coordinates)
    grid = positions.grid(x, rank, torch.promote_types(coord_weight.dtype, torch.float32))
    return grid if grid.dim() == rank + 2 else grid.unsqueeze(0)


def plus_convolved_coordinates(
    output: Tensor,
    grid: Tensor,
    coord_weight: Tensor,
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | tuple[int, ...],
    dilation: tuple[int, ...],
    padding_mode: PaddingMode,
) -> Tensor:
    """Return an output plus the convolution of padded coordinates, shape (N, d, *size).

    Raises:
        ValueError: If the convolution and the output differ in size.
    """
    weight = with_margins(coord_weight, kernel_size).to(grid.dtype)
    operation = Convolution(weight, stride, padding, dilation, 1, padding_mode)
    term = _convolved(operation, grid, weight)
    rank = len(kernel_size)
    if not _is_recorded() and term.shape[2:] != output.shape[output.dim() - rank :]:
        raise ValueError(
            f"the registered padding gives an output of size {tuple(term.shape[2:])}, but the "
            f"layer has one of size {tuple(output.shape[output.dim() - rank :])}; pass the padding "
            "of its forward as `pad` to register_convolution"
        )
    return output + (term if output.dim() == rank + 2 else term.squeeze(0)).to(output.dtype)


def minus_pointwise_coordinates(
    x: Tensor,
    weight: Tensor,
    convention: Convention,
    radius: bool,
    window: Window | Placement | tuple | None,
    coordinates: Tensor | None,
) -> Tensor:
    """Return x minus a pointwise convolution of its coordinates.

    This subtracts because ``x - 0`` keeps the bits of x if x is -0, and ``x + 0`` does not.

    Raises:
        ValueError: If x does not have the channels of the weight.
    """
    rank = weight.dim() - 2
    if x.dim() not in (rank + 1, rank + 2) or x.shape[-1 - rank] != weight.shape[0]:
        raise ValueError(
            f"`input` must have shape (N, {weight.shape[0]}, *size) with {rank} spatial axes, got "
            f"{tuple(x.shape)}"
        )
    grid = coordinates_to_pad(x, weight, convention, radius, window, coordinates)
    weight = weight.to(grid.dtype)
    # A sum of zeros can be -0; adding 0.0 makes it +0.
    term = _convolved(Convolution(weight, 1, 0, 1, 1, "zeros"), grid, weight) + 0.0
    return x - (term if x.dim() == rank + 2 else term.squeeze(0)).to(x.dtype)


def _convolved(operation: Convolution, grid: Tensor, weight: Tensor) -> Tensor:
    if torch.compiler.is_compiling():
        # Concatenate again, as in `coordconv.computation`: Inductor fails to save a view.
        grid = torch.cat(grid.split(1, dim=1), dim=1)
    if torch.compiler.is_exporting():
        return operation(grid, weight, None, 1)
    with without_autocast(grid.device.type):  # Half precision cannot resolve adjacent pixels.
        return operation(grid, weight, None, 1)


def _is_recorded() -> bool:
    """Whether this call is traced or compiled, where comparing sizes would make them constants."""
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    return tracing or torch.compiler.is_compiling()
