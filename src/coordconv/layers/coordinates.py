"""What convolution and transposed convolution with coordinates share as modules."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.computation import Method, checked_method
from coordconv.conventions import PRESETS, Convention, checked_radius
from coordconv.layers.integrated import integrate
from coordconv.layers.weight_guard import WeightGuard

__all__ = ["CoordinateLayer", "checked_kernel", "describe", "draw_together"]


class CoordinateLayer(WeightGuard):
    """A layer with the options that it has beyond those of its plain convolution.

    It stands before that convolution among the bases of a layer.
    """

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    weight: Tensor
    coord_weight: nn.Parameter
    bias: Tensor | None
    radius: bool
    convention: Convention
    coord_kernel_size: tuple[int, ...]
    method: Method
    starts_at_zero = False
    """Whether the layer was converted: its coordinate weights are reset to zero, not drawn."""

    def set_options(
        self,
        radius: bool,
        convention: Convention | str,
        coord_kernel_size: int | tuple[int, ...] | None,
        method: Method,
    ) -> None:
        """Check the options and keep them."""
        integrate()
        WeightGuard.start_guard(self)  # convert calls this before it changes the class
        self.radius = checked_radius(radius)
        self.convention = Convention.of(convention)
        self.coord_kernel_size = checked_kernel(coord_kernel_size, self.kernel_size)
        self.method = checked_method(method)

    def coordinate_tensors(self) -> list[Tensor]:
        """Return the coordinate weights, if there are any that are not computed from others."""
        coord_weight = self._parameters.get("coord_weight")
        return [] if coord_weight is None else [coord_weight]

    def output_axis(self) -> int:
        """Return the axis of the coordinate weights that counts the outputs."""
        return 1 if self.transposed else 0

    def reset_parameters(self) -> None:
        """Draw the weights as the plain layer does, and set those of the coordinates to zero."""
        super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]
        if "coord_weight" in self._parameters and not is_lazy(self.coord_weight):
            nn.init.zeros_(self.coord_weight)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "CoordinateLayer":
        was_meta = self._has_meta_coordinates()
        super()._apply(fn, recurse)
        if was_meta and not self._has_meta_coordinates():
            with torch.no_grad():  # to_empty() allocated them without setting them
                self.coord_weight.zero_()
        return self

    def _has_meta_coordinates(self) -> bool:
        stored: Any = self._parameters.get("coord_weight")
        return stored is not None and not is_lazy(stored) and stored.is_meta

    def middle_taps(self, coord_weight: Tensor) -> Tensor:
        """Return the part of full-size coordinate weights that this layer's kernel covers."""
        for axis, small in enumerate(self.coord_kernel_size, start=2):
            before = (coord_weight.shape[axis] - small) // 2
            coord_weight = coord_weight.narrow(axis, before, small)
        return coord_weight

    def extra_repr(self) -> str:
        """Return the arguments as the plain layer does, the radius and the options in use."""
        text = f"{super().extra_repr()}, radius={self.radius}{describe(self.convention)}"
        if self.coord_kernel_size != self.kernel_size:
            text += f", coord_kernel_size={self.coord_kernel_size}"
        return text if self.method == "auto" else f"{text}, method={self.method!r}"


def describe(convention: Convention) -> str:
    """Return a convention for a representation, by its name if it has one."""
    if convention == Convention():
        return ""
    names = [name for name, preset in PRESETS.items() if preset == convention]
    return f", convention={names[0] if names else convention!r}"


def checked_kernel(
    coord_kernel_size: int | tuple[int, ...] | None, kernel_size: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the kernel of the coordinates: as large as the other if not given.

    Raises:
        ValueError: It is larger than the other, or has another number of axes.
        TypeError: It is no number.
    """
    if coord_kernel_size is None:
        return tuple(kernel_size)
    if isinstance(coord_kernel_size, int):
        coord_kernel_size = (coord_kernel_size,) * len(kernel_size)
    if not isinstance(coord_kernel_size, tuple | list):
        raise TypeError(
            f"coord_kernel_size must be a number or one for every axis, got {coord_kernel_size!r}"
        )
    if len(coord_kernel_size) != len(kernel_size) or not all(
        1 <= small <= large for small, large in zip(coord_kernel_size, kernel_size, strict=True)
    ):
        raise ValueError(
            f"coord_kernel_size must be between 1 and kernel_size={tuple(kernel_size)} along "
            f"every axis, got {coord_kernel_size}"
        )
    return tuple(coord_kernel_size)


def draw_together(joint: Tensor, bias: Tensor | None) -> None:
    """Draw the weights of a joint layer and the bias, as torch draws those of a convolution."""
    nn.init.kaiming_uniform_(joint, a=math.sqrt(5))
    taps = math.prod(joint.shape[1:])
    if bias is not None and taps:  # None, if the kernel is empty.
        bound = 1 / math.sqrt(taps)
        with torch.no_grad():
            bias.uniform_(-bound, bound)
