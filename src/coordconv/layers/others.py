"""Coordinates for convolutions and layers whose own forward is kept.

Two ways, neither of which reads or changes the weights of the layer:

- beside it: ``forward(x) + convolution of the coordinates``, for a convolution whose padding is
  known, whatever it does to its weights before it convolves;
- in front of it: ``forward(x + pointwise convolution of the coordinates)``, for any layer.

With zero coordinate weights both compute what the layer itself does, bit for bit.
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

# A traced graph calls these functions: it cannot look into a size that it does not know.
torch.fx.wrap("coordinates_to_pad")
torch.fx.wrap("plus_convolved_coordinates")
torch.fx.wrap("minus_pointwise_coordinates")


class CoordinatesBeside(CoordinateLayer):
    """A convolution with a forward of its own, plus a convolution of the coordinates.

    It precedes the class of the convolution among the bases of a layer.
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
            window: Where these images lie in a larger one, for all alike or per sample.
            coordinates: Any coordinates instead, shape (d, *size) or (N, d, *size).
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
        """Draw the parameters as the layer itself does, and set the coordinate weights to zero."""
        super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]
        if "coord_weight" in self._parameters:
            nn.init.zeros_(self.coord_weight)


class CoordinatesInFront(CoordinateLayer):
    """Any layer with a pointwise convolution of the coordinates added to its input.

    ``coord_weight`` has shape (in_channels, d, 1, ...). It precedes the class of the layer among
    the bases.
    """

    def set_options(
        self,
        radius: bool,
        convention: Convention | str,
        coord_kernel_size: int | tuple[int, ...] | None,
        method: Method,
    ) -> None:
        """Check the options and keep them; ``coord_kernel_size`` has a 1 for each axis."""
        if not isinstance(coord_kernel_size, tuple) or set(coord_kernel_size) != {1}:
            raise ValueError(
                "coordinates in front of a layer have a pointwise kernel, such as (1, 1); got "
                f"{coord_kernel_size}"
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
        """Return what the layer computes from the sum of its input and the coordinates' share.

        Args:
            input: Shape (N, C, *size) or (C, *size).
            arguments: Passed on to the layer.
            window: Where these images lie in a larger one, for all alike or per sample.
            coordinates: Any coordinates instead, shape (d, *size) or (N, d, *size).
            options: Passed on to the layer.
        """
        return super().forward(
            self.with_coordinates(input, window=window, coordinates=coordinates),
            *arguments,
            **options,
        )

    def coordinate_tensors(self) -> list[Tensor]:
        """Return none: what is added to the input has nothing to do with the weight."""
        return []

    def with_coordinates(
        self,
        input: Tensor,
        *,
        window: Window | Placement | tuple | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Return what the layer is given: its input plus the share of the coordinates."""
        return minus_pointwise_coordinates(
            input, -self.coord_weight, self.convention, self.radius, window, coordinates
        )

    def extra_repr(self) -> str:
        """Return what the layer itself says, the radius and the convention."""
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
        ValueError: If the convolution has another size than the output.
    """
    weight = with_margins(coord_weight, kernel_size).to(grid.dtype)
    operation = Convolution(weight, stride, padding, dilation, 1, padding_mode)
    term = _convolved(operation, grid, weight)
    rank = len(kernel_size)
    if not _is_recorded() and term.shape[2:] != output.shape[output.dim() - rank :]:
        raise ValueError(
            f"the registered padding gives an output of size {tuple(term.shape[2:])}, and the "
            f"layer one of size {tuple(output.shape[output.dim() - rank :])}: register_convolution "
            "must be told how its forward pads"
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

    Subtracted, because ``x - 0`` has the bits of x even where x is -0, and ``x + 0`` has not.

    Raises:
        ValueError: If x does not have the channels of the weight.
    """
    rank = weight.dim() - 2
    if x.dim() not in (rank + 1, rank + 2) or x.shape[-1 - rank] != weight.shape[0]:
        raise ValueError(
            f"the input must have shape (N, {weight.shape[0]}, *size) with {rank} spatial axes for "
            f"the coordinates in front of this layer, got {tuple(x.shape)}"
        )
    grid = coordinates_to_pad(x, weight, convention, radius, window, coordinates)
    weight = weight.to(grid.dtype)
    # A sum of zeros can be -0, which is +0 from here on.
    term = _convolved(Convolution(weight, 1, 0, 1, 1, "zeros"), grid, weight) + 0.0
    return x - (term if x.dim() == rank + 2 else term.squeeze(0)).to(x.dtype)


def _convolved(operation: Convolution, grid: Tensor, weight: Tensor) -> Tensor:
    if torch.compiler.is_compiling():
        # Joined anew, as in `coordconv.computation`: Inductor fails on a view that it has to save.
        grid = torch.cat(grid.split(1, dim=1), dim=1)
    if torch.compiler.is_exporting():
        return operation(grid, weight, None, 1)
    with without_autocast(grid.device.type):  # Half types cannot tell neighboring pixels apart.
        return operation(grid, weight, None, 1)


def _is_recorded() -> bool:
    """Whether a graph is made of this call, in which comparing sizes would fix them."""
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    return tracing or torch.compiler.is_compiling()
