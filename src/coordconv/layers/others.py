"""Add coordinates to convolutions and other layers without replacing their ``forward`` method.

The coordinates can be added in two ways. Neither way reads or changes the weights of the layer:

- to the output: ``forward(x) + convolution of the coordinates``. This works for any convolution
  layer whose padding is known, even if the layer transforms its weights first.
- to the input: ``forward(x + pointwise convolution of the coordinates)``. This works for any layer.

If the coordinate weights are zero, both ways give the output of the original layer, bit for bit.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
import torch.fx
from torch import Tensor, nn

from coordconv.computation import Method, checked_method
from coordconv.computation.inputs import check_allocated, check_floating_point
from coordconv.computation.torch_modes import without_autocast
from coordconv.conventions import Convention, ConventionName, checked_radius
from coordconv.grids import AnyWindow
from coordconv.layers.coordinates import CoordinateLayer, describe
from coordconv.layers.weight_guard import WeightGuard
from coordconv.operations import Convolution, PaddingMode, with_margins
from coordconv.pixel_positions import Positions

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
    """Mixin that adds a convolution of the coordinates to the output of a convolution layer.

    The layer can have a custom ``forward``. List this mixin before the class of the layer, as in
    ``class MyCoordConv(CoordinatesBeside, MyConv)``.
    """

    padding: Literal["same", "valid"] | tuple[int, ...]
    padding_mode: PaddingMode
    _coord_pad: ClassVar[Callable[[Any, Tensor], Tensor]]

    def forward(
        self,
        input: Tensor,
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Return the layer's own output plus the convolution of the coordinates.

        Args:
            input: Shape (N, C, *size) or (C, *size).
            window: Where the inputs are in a larger image, if they are crops of it; one window for
                the batch, or one per sample.
            coordinates: Coordinates to use instead of the computed ones, shape (d, *size) or
                (N, d, *size).
        """
        self._check_weights()
        output = super().forward(input)
        self._accept_own_changes()
        grid = coordinates_to_pad(
            input, self.coord_weight, self.convention, self.radius, window, coordinates
        )
        return plus_convolved_coordinates(
            output,
            type(self)._coord_pad(self, grid),
            self.coord_weight,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.padding_mode,
        )

    def reset_parameters(self) -> None:
        """Initialize the parameters as the original layer does, and coordinate weights to zero."""
        super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]
        if "coord_weight" in self._parameters:
            nn.init.zeros_(self.coord_weight)


class CoordinatesInFront(CoordinateLayer):
    """Mixin that adds a pointwise convolution of the coordinates to the input of any layer.

    List this mixin before the class of the layer, as in
    ``class MyCoordLayer(CoordinatesInFront, MyLayer)``. ``coord_weight`` has shape
    (in_channels, d, 1, ...).
    """

    def _set_options(
        self,
        radius: bool,
        convention: Convention | ConventionName,
        coord_kernel_size: int | tuple[int, ...] | None,
        method: Method,
    ) -> None:
        """Check and store the options; ``coord_kernel_size`` must be a tuple of ones."""
        if not isinstance(coord_kernel_size, tuple) or set(coord_kernel_size) != {1}:
            raise ValueError(
                "for coordinates added to the input, `coord_kernel_size` must be a tuple "
                f"of ones, such as (1, 1), got {coord_kernel_size}"
            )
        WeightGuard._start_guard(self)
        self.radius: bool = checked_radius(radius)
        self.convention: Convention = Convention.of(convention)
        self.coord_kernel_size: tuple[int, ...] = coord_kernel_size
        self.method: Method = checked_method(method)

    def forward(
        self,
        input: Tensor,
        *arguments: Any,
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
        **options: Any,
    ) -> Any:
        """Add a convolution of the coordinates to the input, and apply the layer to the sum.

        Args:
            input: Shape (N, C, *size) or (C, *size).
            arguments: Passed to the layer.
            window: Where the inputs are in a larger image, if they are crops of it; one window for
                the batch, or one per sample.
            coordinates: Coordinates to use instead of the computed ones, shape (d, *size) or
                (N, d, *size).
            options: Passed to the layer.
        """
        return super().forward(
            self._with_coordinates(input, window=window, coordinates=coordinates),
            *arguments,
            **options,
        )

    def _coordinate_tensors(self) -> list[Tensor]:
        """Return an empty list: coordinates in the input are scaled by ``weight`` like the data."""
        return []

    def _with_coordinates(
        self,
        input: Tensor,
        *,
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Return the input plus the convolution of the coordinates."""
        return minus_pointwise_coordinates(
            input, -self.coord_weight, self.convention, self.radius, window, coordinates
        )

    def extra_repr(self) -> str:
        """Return the description of the layer itself, with the radius and the convention."""
        said = super(CoordinateLayer, self).extra_repr()
        ours = f"coordinates in front, radius={self.radius}{describe(self.convention)}"
        return f"{said}, {ours}" if said else ours


def coordinates_to_pad(
    x: Tensor,
    coord_weight: Tensor,
    convention: Convention,
    radius: bool,
    window: AnyWindow | None,
    coordinates: Tensor | None,
) -> Tensor:
    """Return the coordinates of the pixels of x before padding, (1, d, *size) or (N, d, *size)."""
    check_floating_point(x)
    check_allocated(x, coord_weight=coord_weight)
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
    padding: Literal["same", "valid"] | tuple[int, ...],
    dilation: tuple[int, ...],
    padding_mode: PaddingMode,
) -> Tensor:
    """Return ``output`` plus the convolution of ``grid``.

    ``grid`` holds the padded coordinates, with shape (1, d, *size) or (N, d, *size).

    Raises:
        ValueError: If the output and the convolution of the grid differ in size.
    """
    weight = with_margins(coord_weight, kernel_size).to(grid.dtype)
    operation = Convolution(weight, stride, padding, dilation, 1, padding_mode)
    term = _convolved(operation, grid, weight)
    rank = len(kernel_size)
    if not _is_recorded() and term.shape[2:] != output.shape[output.dim() - rank :]:
        raise ValueError(
            f"with the registered padding, the output would have size {tuple(term.shape[2:])}, but "
            f"the output of the layer has size {tuple(output.shape[output.dim() - rank :])}; in "
            "`register_convolution`, set `pad` to the padding that `forward` of the layer applies"
        )
    return output + (term if output.dim() == rank + 2 else term.squeeze(0)).to(output.dtype)


def minus_pointwise_coordinates(
    x: Tensor,
    weight: Tensor,
    convention: Convention,
    radius: bool,
    window: AnyWindow | None,
    coordinates: Tensor | None,
) -> Tensor:
    """Return x minus a pointwise convolution of its coordinates.

    The function subtracts, because ``x - 0`` is x bit for bit, whereas ``x + 0`` turns -0 into +0.

    Raises:
        ValueError: If x does not have one channel for each output channel of ``weight``.
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
        # Copy the grid by splitting and concatenating it, as `coordconv.computation` does: Inductor
        # fails if it has to save a view for the backward pass.
        grid = torch.cat(grid.split(1, dim=1), dim=1)
    if torch.compiler.is_exporting():
        return operation(grid, weight, None, 1)
    # Disable autocast, because half precision cannot resolve adjacent pixels.
    return without_autocast(grid.device.type, operation, grid, weight, None, 1)


def _is_recorded() -> bool:
    """Whether this call is traced or compiled, where comparing sizes would make them constants."""
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    return tracing or torch.compiler.is_compiling()
