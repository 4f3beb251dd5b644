"""The coordinate layers that find out the number of data channels from their first input."""

from typing import Any

import torch
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
        for name, parameter in self._parameters.items():
            if parameter is not None:
                like: dict[str, Any] = {"device": parameter.device, "dtype": parameter.dtype}
                setattr(self, name, UninitializedParameter(**like))

    def reset_parameters(self) -> None:
        """Draw the parameters, once the number of data channels is known."""
        if self.in_channels > 0 and not self._lazy_names():
            super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]

    def initialize_parameters(self, input: Tensor, *args: Any, **options: Any) -> None:
        """Take the number of data channels from the first input and draw the parameters.

        Parameters that were loaded before keep their values; a loaded weight decides the number.

        Raises:
            ValueError: If the input has another rank than the layer, or ``groups`` does not divide
                its channels.
        """
        rank = len(self.kernel_size)
        if input.dim() not in (rank + 1, rank + 2):
            raise ValueError(
                f"the input must have shape (N, C, *size) or (C, *size) with {rank} spatial axes, "
                f"got {tuple(input.shape)}"
            )
        channels = input.shape[-1 - rank]
        if not isinstance(self.weight, UninitializedParameter):
            channels = self.weight.shape[0 if self.transposed else 1]
            channels *= 1 if self.transposed else self.groups
        if channels % self.groups != 0:
            raise ValueError(
                f"the input has {channels} channels, which groups={self.groups} does not divide"
            )
        self.in_channels = channels
        lazy = self._lazy_names()
        if not lazy:
            return
        loaded = {
            name: parameter.detach().clone()
            for name, parameter in self._parameters.items()
            if parameter is not None and name not in lazy
        }
        for name in lazy:
            getattr(self, name).materialize(self._shape_of(name))
        self.reset_parameters()
        with torch.no_grad():
            for name, value in loaded.items():
                getattr(self, name).copy_(value)

    def _lazy_names(self) -> list[str]:
        parameters = self._parameters.items()
        return [name for name, p in parameters if isinstance(p, UninitializedParameter)]

    def _shape_of(self, name: str) -> tuple[int, ...]:
        if name == "bias":
            return (self.out_channels,)
        kernel, first = self.kernel_size, self.in_channels
        if name == "coord_weight":
            kernel, first = self.coord_kernel_size, len(self.kernel_size) + self.radius
            pair = (first, self.out_channels)
        else:
            pair = (first, self.out_channels // self.groups)
        if not self.transposed:
            divided = self.groups if name == "weight" else 1
            pair = (self.out_channels, first // divided)
        return (*pair, *kernel)


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
