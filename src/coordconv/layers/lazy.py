"""The coordinate layers that find out the number of data channels from their first input."""

from typing import Any

from torch import Tensor
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from coordconv.layers.convolution import CoordConv1d, CoordConv2d, CoordConv3d
from coordconv.layers.coordinates import CoordinateLayer
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


class LazyCoordinateLayer(LazyModuleMixin, CoordinateLayer):
    """The part of all lazy layers that is the same; it stands before the layer it becomes."""

    transposed: bool

    def __init__(
        self, out_channels: int, kernel_size: int | tuple[int, ...], *args: Any, **options: Any
    ) -> None:
        super().__init__(0, out_channels, kernel_size, *args, **options)  # pyright: ignore[reportAttributeAccessIssue]
        like: dict[str, Any] = {"device": self.weight.device, "dtype": self.weight.dtype}
        self.weight = UninitializedParameter(**like)

    def reset_parameters(self) -> None:
        """Draw the parameters, once the number of data channels is known."""
        if not isinstance(self.weight, UninitializedParameter) and self.in_channels > 0:
            super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]

    def initialize_parameters(self, input: Tensor, *args: Any, **options: Any) -> None:
        """Take the number of data channels from the first input and draw the parameters.

        Raises:
            ValueError: If ``groups`` does not divide the number of channels.
        """
        channels = input.shape[-1 - len(self.kernel_size)]
        if channels % self.groups != 0:
            raise ValueError(
                f"the input has {channels} channels, which groups={self.groups} does not divide"
            )
        self.in_channels = channels
        if isinstance(self.weight, UninitializedParameter):
            shape = (self.out_channels, channels // self.groups)
            if self.transposed:
                shape = (channels, self.out_channels // self.groups)
            self.weight.materialize((*shape, *self.kernel_size))
            self.reset_parameters()


class LazyCoordConv1d(LazyCoordinateLayer, CoordConv1d):
    """`CoordConv1d` without ``in_channels``; it becomes one at the first forward pass.

    Args:
        Those of `CoordConv1d` but ``in_channels``.

    Raises:
        ValueError: As `CoordConv1d`, and at the first input if ``groups`` does not divide
            its channels.

    Example:
        >>> import torch
        >>> layer = LazyCoordConv1d(8, kernel_size=3)
        >>> layer(torch.zeros(4, 16, 5)).shape
        torch.Size([4, 8, 3])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConv1d', 16)
    """

    cls_to_become = CoordConv1d  # pyright: ignore[reportAssignmentType]


class LazyCoordConv2d(LazyCoordinateLayer, CoordConv2d):
    """`CoordConv2d` without ``in_channels``; it becomes one at the first forward pass.

    Args:
        Those of `CoordConv2d` but ``in_channels``.

    Raises:
        ValueError: As `CoordConv2d`, and at the first input if ``groups`` does not divide
            its channels.

    Example:
        >>> import torch
        >>> layer = LazyCoordConv2d(8, kernel_size=1)
        >>> layer(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 8, 2, 3])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConv2d', 16)
    """

    cls_to_become = CoordConv2d  # pyright: ignore[reportAssignmentType]


class LazyCoordConv3d(LazyCoordinateLayer, CoordConv3d):
    """`CoordConv3d` without ``in_channels``; it becomes one at the first forward pass.

    Args:
        Those of `CoordConv3d` but ``in_channels``.

    Raises:
        ValueError: As `CoordConv3d`, and at the first input if ``groups`` does not divide
            its channels.

    Example:
        >>> import torch
        >>> layer = LazyCoordConv3d(8, kernel_size=1)
        >>> layer(torch.zeros(4, 16, 2, 3, 5)).shape
        torch.Size([4, 8, 2, 3, 5])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConv3d', 16)
    """

    cls_to_become = CoordConv3d  # pyright: ignore[reportAssignmentType]


class LazyCoordConvTranspose1d(LazyCoordinateLayer, CoordConvTranspose1d):
    """`CoordConvTranspose1d` without ``in_channels``; it becomes one at the first forward pass.

    Args:
        Those of `CoordConvTranspose1d` but ``in_channels``.

    Raises:
        ValueError: As `CoordConvTranspose1d`, and at the first input if ``groups`` does not divide
            its channels.

    Example:
        >>> import torch
        >>> layer = LazyCoordConvTranspose1d(8, kernel_size=3)
        >>> layer(torch.zeros(4, 16, 5)).shape
        torch.Size([4, 8, 7])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConvTranspose1d', 16)
    """

    cls_to_become = CoordConvTranspose1d  # pyright: ignore[reportAssignmentType]


class LazyCoordConvTranspose2d(LazyCoordinateLayer, CoordConvTranspose2d):
    """`CoordConvTranspose2d` without ``in_channels``; it becomes one at the first forward pass.

    Args:
        Those of `CoordConvTranspose2d` but ``in_channels``.

    Raises:
        ValueError: As `CoordConvTranspose2d`, and at the first input if ``groups`` does not divide
            its channels.

    Example:
        >>> import torch
        >>> layer = LazyCoordConvTranspose2d(8, kernel_size=1)
        >>> layer(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 8, 2, 3])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConvTranspose2d', 16)
    """

    cls_to_become = CoordConvTranspose2d  # pyright: ignore[reportAssignmentType]


class LazyCoordConvTranspose3d(LazyCoordinateLayer, CoordConvTranspose3d):
    """`CoordConvTranspose3d` without ``in_channels``; it becomes one at the first forward pass.

    Args:
        Those of `CoordConvTranspose3d` but ``in_channels``.

    Raises:
        ValueError: As `CoordConvTranspose3d`, and at the first input if ``groups`` does not divide
            its channels.

    Example:
        >>> import torch
        >>> layer = LazyCoordConvTranspose3d(8, kernel_size=1)
        >>> layer(torch.zeros(4, 16, 2, 3, 5)).shape
        torch.Size([4, 8, 2, 3, 5])
        >>> type(layer).__name__, layer.in_channels
        ('CoordConvTranspose3d', 16)
    """

    cls_to_become = CoordConvTranspose3d  # pyright: ignore[reportAssignmentType]
