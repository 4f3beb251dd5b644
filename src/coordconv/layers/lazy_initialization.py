"""Mixins for coordinate layers that infer the number of data channels from their first input."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from coordconv.computation import Method
from coordconv.conventions import Convention, ConventionName
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.operations import Padding, PaddingMode, SizeNd

__all__ = ["LazyConvolution", "LazyCoordinateLayer", "LazyTransposedConvolution"]


class LazyCoordinateLayer(LazyModuleMixin, CoordinateLayer):
    """Mixin shared by the lazy layers.

    A lazy layer inherits from this mixin first, and then from the layer that it becomes.
    """

    transposed: bool

    def reset_parameters(self) -> None:
        """Initialize the parameters, once the number of data channels is known."""
        if self.in_channels > 0 and not self._lazy_names():
            super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]

    def initialize_parameters(self, input: Tensor, *args: Any, **options: Any) -> None:
        """Set the number of data channels from the first input and initialize the parameters.

        Parameters that were already loaded keep their values. If ``weight`` was loaded, its shape
        determines the number of channels.

        Raises:
            ValueError: If the input does not have the rank of the layer, or if ``groups`` does not
                divide the number of channels.
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

    def _uninitialize(self) -> None:
        for name, parameter in self._parameters.items():
            if parameter is not None:
                like: dict[str, Any] = {"device": parameter.device, "dtype": parameter.dtype}
                setattr(self, name, UninitializedParameter(**like))

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


class LazyConvolution(LazyCoordinateLayer):
    """Mixin with the constructor of the lazy convolutions, which has no ``in_channels``."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: SizeNd,
        stride: SizeNd = 1,
        padding: Padding = 0,
        dilation: SizeNd = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        radius: bool = False,
        convention: Convention | ConventionName = "paper",
        coord_kernel_size: SizeNd | None = None,
        method: Method = "auto",
    ) -> None:
        layer: Any = super()
        layer.__init__(
            0,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
            radius=radius,
            convention=convention,
            coord_kernel_size=coord_kernel_size,
            method=method,
        )
        self._uninitialize()


class LazyTransposedConvolution(LazyCoordinateLayer):
    """Mixin with the constructor of the lazy transposed layers, which has no ``in_channels``."""

    def __init__(
        self,
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
        layer: Any = super()
        layer.__init__(
            0,
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
            radius=radius,
            convention=convention,
            coord_kernel_size=coord_kernel_size,
            method=method,
        )
        self._uninitialize()
