"""Transposed convolutions that also see coordinates, as modules.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer", for deconvolution.
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.fx
from torch import Tensor, nn

from coordconv.computation import Method
from coordconv.conventions import Convention, ConventionName
from coordconv.functional import coord_conv_transpose
from coordconv.grids import AnyWindow
from coordconv.layers.coordinates import CoordinateLayer, draw_together
from coordconv.layers.materialization import coordinate_parameter
from coordconv.operations import SizeNd

__all__ = ["CoordConvTranspose1d", "CoordConvTranspose2d", "CoordConvTranspose3d"]

# Let torch.fx record a call of this function, because it cannot trace code that reads a size.
torch.fx.wrap("coord_conv_transpose")


class CoordTransposedConvolution(CoordinateLayer):
    """Base class of `CoordConvTranspose1d`, `CoordConvTranspose2d` and `CoordConvTranspose3d`."""

    padding: str | tuple[int, ...]
    _output_padding: Callable[..., list[int]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: SizeNd,
        stride: SizeNd = 1,
        padding: SizeNd = 0,
        output_padding: SizeNd = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: SizeNd = 1,
        padding_mode: Literal["zeros"] = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        radius: bool = False,
        convention: Convention | ConventionName = "paper",
        coord_kernel_size: SizeNd | None = None,
        method: Method = "auto",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            output_padding,
            groups,
            bias,
            dilation,
            padding_mode,
            device,
            dtype,
        )
        self._set_options(radius, convention, coord_kernel_size, method)
        coordinates = len(self.kernel_size) + (1 if radius else 0)
        shape = (coordinates, out_channels, *self.coord_kernel_size)
        self.coord_weight: nn.Parameter = coordinate_parameter(
            torch.zeros(shape, device=device, dtype=dtype)
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize as a single transposed layer over [data, coordinates] would.

        With the same seed, the weights equal those of a plain ``torch.nn.ConvTranspose2d`` with
        in + groups * d input channels, where the data channels of each group are followed by the
        group's own copy of the d coordinates. If the coordinate kernel is smaller than the data
        kernel, it gets the central taps of these weights. A layer that was converted from a plain
        layer is instead initialized like the plain layer, with coordinate weights of zero.
        """
        if not hasattr(self, "coord_weight"):
            return  # The constructor of the plain layer calls this before `coord_weight` exists.
        if self._starts_at_zero:
            super().reset_parameters()
            return
        data, coordinates = self.in_channels, self.groups * self.coord_weight.shape[0]
        joint = self.weight.new_zeros(data + coordinates, *self.weight.shape[1:])
        draw_together(joint, self.bias)
        by_group = joint.unflatten(0, (self.groups, -1))
        data //= self.groups
        with torch.no_grad():
            self.weight.copy_(by_group[:, :data].flatten(0, 1))
            coord_weight = by_group[:, data:].transpose(0, 1).flatten(1, 2)
            self.coord_weight.copy_(self._middle_taps(coord_weight))

    def forward(
        self,
        input: Tensor,
        output_size: list[int] | None = None,
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Return `coord_conv_transpose` of ``input``, shape (N, C, *size) or (C, *size).

        Args:
            input: The data channels.
            output_size: The size of the output, which determines the output padding.
            window: Where the inputs are in a larger image, if they are crops of it; one window for
                the batch, or one per sample.
            coordinates: Coordinates to use instead of the computed ones, shape (d, *size) or
                (N, d, *size).
        """
        self._check_weights()
        output_padding = self._output_padding(
            input,
            output_size,
            self.stride,
            self.padding,
            self.kernel_size,
            len(self.kernel_size),
            self.dilation,
        )
        return coord_conv_transpose(
            input,
            self.weight,
            self.coord_weight,
            self.bias,
            self.stride,
            self.padding,  # pyright: ignore[reportArgumentType]
            tuple(output_padding),
            self.groups,
            self.dilation,
            convention=self.convention,
            radius=self.radius,
            window=window,
            coordinates=coordinates,
            method=self.method,
        )


class CoordConvTranspose1d(CoordTransposedConvolution, nn.ConvTranspose1d):
    """A transposed 1-D convolution that also sees the coordinates of each pixel, for signals.

    Attributes:
        weight: Shape (in, out / groups, k), as in ``torch.nn.ConvTranspose1d``.
        coord_weight: Shape (1, out, k) for x, or (2, out, k) with the radius, which is |x|.
        bias: Shape (out,), or None.

    Args:
        in_channels: Number of data channels; the coordinates are not counted.
        out_channels: Number of output channels.
        kernel_size: Length of the kernel, in pixels.
        stride: Output pixels per input pixel.
        padding: Pixels cut from each side of the output.
        output_padding: Pixels added at the end of each axis of the output.
        groups: Number of groups of the data channels; each group sees all coordinates.
        bias: Whether to learn a constant per output channel.
        dilation: Distance between the taps of the kernel, in pixels.
        padding_mode: ``"zeros"``, the only mode that torch supports for transposed layers.
        device: Device of the parameters.
        dtype: Type of the parameters.
        radius: Whether to use the distance to the center as one more coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        coord_kernel_size: Length of a smaller kernel for the coordinates, centered in the data
            kernel; as large as the data kernel if omitted.
        method: How to compute the layer, see `coord_conv`; every method gives the same result.

    Raises:
        ValueError: As in `CoordConvTranspose2d`.

    Example:
        >>> CoordConvTranspose1d(16, 8, kernel_size=2, stride=2)(torch.zeros(4, 16, 5)).shape
        torch.Size([4, 8, 10])
    """


class CoordConvTranspose2d(CoordTransposedConvolution, nn.ConvTranspose2d):
    """A transposed 2-D convolution that also sees the coordinates of each pixel, for images.

    The output equals appending the coordinates of the input pixels to the input and then applying
    ``torch.nn.ConvTranspose2d``, see `coord_conv_transpose`. If ``coord_weight`` is zero, the
    output equals that of the plain layer bit for bit.

    Attributes:
        weight: Shape (in, out / groups, kh, kw). The name and the shape are as in
            ``torch.nn.ConvTranspose2d``, so its checkpoints also load here with ``strict=False``.
        coord_weight: Shape (2, out, kh, kw) for x (the column) and y (the row), or (3, out, kh, kw)
            with the radius.
        bias: Shape (out,), or None.

    Args:
        in_channels: Number of data channels; the coordinates are not counted.
        out_channels: Number of output channels.
        kernel_size: Height and width of the kernel, in pixels.
        stride: Output pixels per input pixel.
        padding: Pixels cut from each side of the output.
        output_padding: Pixels added at the end of each axis of the output.
        groups: Number of groups of the data channels; each group sees all coordinates.
        bias: Whether to learn a constant per output channel.
        dilation: Distance between the taps of the kernel, in pixels.
        padding_mode: ``"zeros"``, the only mode that torch supports for transposed layers.
        device: Device of the parameters.
        dtype: Type of the parameters.
        radius: Whether to use the distance to the center as one more coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        coord_kernel_size: Height and width of a smaller kernel for the coordinates, centered in the
            data kernel; as large as the data kernel if omitted.
        method: How to compute the layer, see `coord_conv`; every method gives the same result.

    Raises:
        ValueError: If ``torch.nn.ConvTranspose2d`` would raise it for the same arguments, if the
            coordinate kernel is larger than the data kernel, or if the convention or the method is
            unknown.
        TypeError: If the radius is not True or False.

    Example:
        >>> layer = CoordConvTranspose2d(16, 8, kernel_size=2, stride=2)
        >>> layer(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 8, 4, 6])
        >>> layer(torch.zeros(4, 16, 2, 3), output_size=(5, 7)).shape
        torch.Size([4, 8, 5, 7])
    """


class CoordConvTranspose3d(CoordTransposedConvolution, nn.ConvTranspose3d):
    """A transposed 3-D convolution that also sees the coordinates of each voxel, for volumes.

    Attributes:
        weight: Shape (in, out / groups, kd, kh, kw), as in ``torch.nn.ConvTranspose3d``.
        coord_weight: Shape (3, out, kd, kh, kw) for x (the last axis), y and z (the first one), or
            (4, out, kd, kh, kw) with the radius.
        bias: Shape (out,), or None.

    Args:
        in_channels: Number of data channels; the coordinates are not counted.
        out_channels: Number of output channels.
        kernel_size: Depth, height and width of the kernel, in pixels.
        stride: Output pixels per input pixel.
        padding: Pixels cut from each side of the output.
        output_padding: Pixels added at the end of each axis of the output.
        groups: Number of groups of the data channels; each group sees all coordinates.
        bias: Whether to learn a constant per output channel.
        dilation: Distance between the taps of the kernel, in pixels.
        padding_mode: ``"zeros"``, the only mode that torch supports for transposed layers.
        device: Device of the parameters.
        dtype: Type of the parameters.
        radius: Whether to use the distance to the center as one more coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        coord_kernel_size: Depth, height and width of a smaller kernel for the coordinates, centered
            in the data kernel; as large as the data kernel if omitted.
        method: How to compute the layer, see `coord_conv`; every method gives the same result.

    Raises:
        ValueError: As in `CoordConvTranspose2d`.

    Example:
        >>> CoordConvTranspose3d(2, 8, kernel_size=2, stride=2)(torch.zeros(4, 2, 2, 3, 5)).shape
        torch.Size([4, 8, 4, 6, 10])
    """
