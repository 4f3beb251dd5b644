"""Base class shared by convolutions and transposed convolutions with coordinates."""

import math
from collections.abc import Callable
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from coordconv.computation import Method, checked_method
from coordconv.conventions import CONVENTIONS, Convention, ConventionName, checked_radius
from coordconv.layers.integrated import integrate
from coordconv.layers.weight_guard import WeightGuard

__all__ = ["CoordinateLayer", "checked_kernel", "describe", "draw_together"]


class CoordinateLayer(WeightGuard):
    """Base class of all layers with coordinate weights.

    Use it to recognize these layers with ``isinstance``: `CoordConv2d` and the other coordinate
    convolutions, their lazy versions, and all layers that `coordconv.convert` creates. A subclass
    lists it before the class of the plain convolution.

    Attributes:
        weight: The weight for the data, with the same name and shape as in the plain layer.
        coord_weight: The weight for the coordinates.
        bias: Shape (out,), or None.
        radius: Whether the distance to the center is one of the coordinates.
        convention: The meaning of the coordinates, as a `Convention`.
        coord_kernel_size: Size of the kernel for the coordinates along each axis.
        method: How the layer is computed, see `coord_conv`.

    Example:
        >>> from coordconv import CoordConv2d
        >>> model = nn.Sequential(CoordConv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
        >>> [name for name, m in model.named_modules() if isinstance(m, CoordinateLayer)]
        ['0']
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
    _starts_at_zero = False
    """Whether the layer was converted, so that its coordinate weights are initialized to zero."""

    def _set_options(
        self,
        radius: bool,
        convention: Convention | ConventionName,
        coord_kernel_size: int | tuple[int, ...] | None,
        method: Method,
    ) -> None:
        """Validate and store the options."""
        integrate()
        # Name the class, because `convert` calls this before it changes the class of the layer.
        WeightGuard._start_guard(self)
        self.radius = checked_radius(radius)
        self.convention = Convention.of(convention)
        self.coord_kernel_size = checked_kernel(coord_kernel_size, self.kernel_size)
        self.method = checked_method(method)

    def _coordinate_tensors(self) -> list[Tensor]:
        """Return the coordinate weights, unless they are computed from other parameters."""
        coord_weight = self._parameters.get("coord_weight")
        return [] if coord_weight is None else [coord_weight]

    def _output_axis(self) -> int:
        """Return the axis of the output channels in the coordinate weights."""
        return 1 if self.transposed else 0

    def reset_parameters(self) -> None:
        """Initialize the weights like the plain layer, and the coordinate weights to zero."""
        super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]
        if "coord_weight" in self._parameters and not is_lazy(self.coord_weight):
            nn.init.zeros_(self.coord_weight)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "CoordinateLayer":
        was_meta = self._has_meta_coordinates()
        super()._apply(fn, recurse)
        if was_meta and not self._has_meta_coordinates():
            with torch.no_grad():  # to_empty() allocates the weights without initializing them.
                self.coord_weight.zero_()
        return self

    def _has_meta_coordinates(self) -> bool:
        stored: Any = self._parameters.get("coord_weight")
        return stored is not None and not is_lazy(stored) and stored.is_meta

    def _middle_taps(self, coord_weight: Tensor) -> Tensor:
        """Return the taps of full-size coordinate weights that this layer's kernel covers."""
        for axis, small in enumerate(self.coord_kernel_size, start=2):
            before = (coord_weight.shape[axis] - small) // 2
            coord_weight = coord_weight.narrow(axis, before, small)
        return coord_weight

    def extra_repr(self) -> str:
        """Return the description of the plain layer, the radius and all non-default options."""
        text = f"{super().extra_repr()}, radius={self.radius}{describe(self.convention)}"
        if self.coord_kernel_size != self.kernel_size:
            text += f", coord_kernel_size={self.coord_kernel_size}"
        return text if self.method == "auto" else f"{text}, method={self.method!r}"


def describe(convention: Convention) -> str:
    """Return the text for ``repr``: nothing for the default convention, else its name or fields."""
    if convention == Convention():
        return ""
    names = [name for name, preset in CONVENTIONS.items() if preset == convention]
    return f", convention={names[0] if names else convention!r}"


def checked_kernel(
    coord_kernel_size: int | tuple[int, ...] | None, kernel_size: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the size of the coordinate kernel, by default the size of the data kernel.

    Raises:
        ValueError: If the size is less than 1 or larger than the data kernel along an axis, or if
            it does not have one number for each axis.
        TypeError: If the size is neither an integer nor a tuple or list of integers.
    """
    if coord_kernel_size is None:
        return tuple(kernel_size)
    sizes: Any = coord_kernel_size
    if not isinstance(sizes, (tuple, list)):
        sizes = (sizes,) * len(kernel_size)
    if any(isinstance(one, bool) or not isinstance(one, Integral) for one in sizes):
        raise TypeError(
            "`coord_kernel_size` must be an integer, or one for each axis, got "
            f"{coord_kernel_size!r}"
        )
    if len(sizes) != len(kernel_size) or not all(
        1 <= small <= large for small, large in zip(sizes, kernel_size, strict=True)
    ):
        raise ValueError(
            f"`coord_kernel_size` must be between 1 and kernel_size={tuple(kernel_size)} along "
            f"every axis, got {coord_kernel_size}"
        )
    return tuple(map(int, sizes))


def draw_together(joint: Tensor, bias: Tensor | None) -> None:
    """Initialize the joint weight for data and coordinates, and the bias, as torch does."""
    nn.init.kaiming_uniform_(joint, a=math.sqrt(5))
    taps = math.prod(joint.shape[1:])
    if bias is not None and taps:  # A kernel may be empty, without taps.
        bound = 1 / math.sqrt(taps)
        with torch.no_grad():
            bias.uniform_(-bound, bound)
