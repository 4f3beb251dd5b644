"""Coordinate layers that infer the number of data channels from their first input."""

from typing import Any

from coordconv.layers.convolution import CoordConv1d, CoordConv2d, CoordConv3d
from coordconv.layers.lazy_initialization import LazyConvolution, LazyTransposedConvolution
from coordconv.layers.transposed import (
    CoordConvTranspose1d,
    CoordConvTranspose2d,
    CoordConvTranspose3d,
)

__all__ = [
    "LazyCoordConv1d",
    "LazyCoordConv2d",
    "LazyCoordConv3d",
    "LazyCoordConvTranspose1d",
    "LazyCoordConvTranspose2d",
    "LazyCoordConvTranspose3d",
]


class LazyCoordConv1d(LazyConvolution, CoordConv1d):
    """`CoordConv1d` without ``in_channels``, which it infers from its first input.

    Args:
        out_channels: Number of output channels.
        kernel_size: Length of the kernel, in pixels.
        stride: Step of the kernel, in pixels.
        padding: Margin in pixels, ``"same"`` or ``"valid"``.
        dilation: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels; each group sees all coordinates.
        bias: Whether to learn a constant per output channel.
        padding_mode: How to fill the margin of the data and the coordinates: ``"zeros"``,
            ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: Device of the parameters.
        dtype: Type of the parameters.
        radius: Whether to use the distance to the center as one more coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        coord_kernel_size: Length of a smaller kernel for the coordinates, centered in the data
            kernel; as large as the data kernel if omitted.
        method: How to compute the layer, see `coord_conv`; every method gives the same result.

    Raises:
        ValueError: As in `CoordConv1d`. Also at the first call, if ``groups`` does not divide the
            channels of the input.

    Example:
        >>> import torch
        >>> layer = LazyCoordConv1d(8, kernel_size=3)
        >>> layer(torch.zeros(4, 16, 5)).shape
        torch.Size([4, 8, 3])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConv1d', 16)
    """

    cls_to_become: type[Any] | None = CoordConv1d


class LazyCoordConv2d(LazyConvolution, CoordConv2d):
    """`CoordConv2d` without ``in_channels``, which it infers from its first input.

    Args:
        out_channels: Number of output channels.
        kernel_size: Height and width of the kernel, in pixels.
        stride: Step of the kernel, in pixels.
        padding: Margin in pixels, ``"same"`` or ``"valid"``.
        dilation: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels; each group sees all coordinates.
        bias: Whether to learn a constant per output channel.
        padding_mode: How to fill the margin of the data and the coordinates: ``"zeros"``,
            ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: Device of the parameters.
        dtype: Type of the parameters.
        radius: Whether to use the distance to the center as one more coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        coord_kernel_size: Height and width of a smaller kernel for the coordinates, centered in the
            data kernel; as large as the data kernel if omitted.
        method: How to compute the layer, see `coord_conv`; every method gives the same result.

    Raises:
        ValueError: As in `CoordConv2d`. Also at the first call, if ``groups`` does not divide the
            channels of the input.

    Example:
        >>> import torch
        >>> layer = LazyCoordConv2d(8, kernel_size=1)
        >>> layer(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 8, 2, 3])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConv2d', 16)
    """

    cls_to_become: type[Any] | None = CoordConv2d


class LazyCoordConv3d(LazyConvolution, CoordConv3d):
    """`CoordConv3d` without ``in_channels``, which it infers from its first input.

    Args:
        out_channels: Number of output channels.
        kernel_size: Depth, height and width of the kernel, in pixels.
        stride: Step of the kernel, in pixels.
        padding: Margin in pixels, ``"same"`` or ``"valid"``.
        dilation: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels; each group sees all coordinates.
        bias: Whether to learn a constant per output channel.
        padding_mode: How to fill the margin of the data and the coordinates: ``"zeros"``,
            ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: Device of the parameters.
        dtype: Type of the parameters.
        radius: Whether to use the distance to the center as one more coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        coord_kernel_size: Depth, height and width of a smaller kernel for the coordinates, centered
            in the data kernel; as large as the data kernel if omitted.
        method: How to compute the layer, see `coord_conv`; every method gives the same result.

    Raises:
        ValueError: As in `CoordConv3d`. Also at the first call, if ``groups`` does not divide the
            channels of the input.

    Example:
        >>> import torch
        >>> layer = LazyCoordConv3d(8, kernel_size=1)
        >>> layer(torch.zeros(4, 16, 2, 3, 5)).shape
        torch.Size([4, 8, 2, 3, 5])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConv3d', 16)
    """

    cls_to_become: type[Any] | None = CoordConv3d


class LazyCoordConvTranspose1d(LazyTransposedConvolution, CoordConvTranspose1d):
    """`CoordConvTranspose1d` without ``in_channels``, which it infers from its first input.

    Args:
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
        ValueError: As in `CoordConvTranspose1d`. Also at the first call, if ``groups`` does not
            divide the channels of the input.

    Example:
        >>> import torch
        >>> layer = LazyCoordConvTranspose1d(8, kernel_size=3)
        >>> layer(torch.zeros(4, 16, 5)).shape
        torch.Size([4, 8, 7])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConvTranspose1d', 16)
    """

    cls_to_become: type[Any] | None = CoordConvTranspose1d


class LazyCoordConvTranspose2d(LazyTransposedConvolution, CoordConvTranspose2d):
    """`CoordConvTranspose2d` without ``in_channels``, which it infers from its first input.

    Args:
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
        ValueError: As in `CoordConvTranspose2d`. Also at the first call, if ``groups`` does not
            divide the channels of the input.

    Example:
        >>> import torch
        >>> layer = LazyCoordConvTranspose2d(8, kernel_size=1)
        >>> layer(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 8, 2, 3])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConvTranspose2d', 16)
    """

    cls_to_become: type[Any] | None = CoordConvTranspose2d


class LazyCoordConvTranspose3d(LazyTransposedConvolution, CoordConvTranspose3d):
    """`CoordConvTranspose3d` without ``in_channels``, which it infers from its first input.

    Args:
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
        ValueError: As in `CoordConvTranspose3d`. Also at the first call, if ``groups`` does not
            divide the channels of the input.

    Example:
        >>> import torch
        >>> layer = LazyCoordConvTranspose3d(8, kernel_size=1)
        >>> layer(torch.zeros(4, 16, 2, 3, 5)).shape
        torch.Size([4, 8, 2, 3, 5])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConvTranspose3d', 16)
    """

    cls_to_become: type[Any] | None = CoordConvTranspose3d
