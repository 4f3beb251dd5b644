"""Convolution and transposed convolution without coordinates, as objects.

A coordinate layer is one of these operations plus a term for the coordinates. An operation object
applies the operation, returns the input values of the kernel taps along one axis, and joins data
weights and coordinate weights into the single weight of a layer that concatenates.
"""

from collections.abc import Hashable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "Convolution",
    "Padding",
    "PaddingMode",
    "SizeNd",
    "TransposedConvolution",
    "with_margins",
]

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
SizeNd = int | tuple[int, ...]
Padding = Literal["same", "valid"] | SizeNd

_PADDING_MODES = get_args(PaddingMode)
_CONVOLUTIONS = (functional.conv1d, functional.conv2d, functional.conv3d)
_TRANSPOSED = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)


def _are_all(value: int, *numbers: SizeNd) -> bool:
    for number in numbers:
        for part in number if isinstance(number, (tuple, list)) else (number,):
            if part != value:
                return False
    return True


class _Operation:
    """Base class of both operations. It centers a smaller coordinate kernel in the data kernel."""

    kernel: torch.Size
    rank: int
    groups: int

    def __init__(self, weight: Tensor, groups: int) -> None:
        if not 3 <= weight.dim() <= 5 or min(weight.shape[2:]) == 0:
            raise ValueError(
                "`weight` must have 1, 2 or 3 non-empty spatial axes after its two channel axes, "
                f"got shape {tuple(weight.shape)}"
            )
        self.kernel = weight.shape[2:]
        self.rank = len(self.kernel)
        self.groups = groups

    def each_axis(self, numbers: SizeNd) -> tuple[int, ...]:
        """Return one number for each axis, repeating a single number."""
        if not isinstance(numbers, (tuple, list)):  # An integer, perhaps of NumPy.
            return (numbers,) * self.rank
        return tuple(numbers) * (self.rank if len(numbers) == 1 else 1)

    def margins_around(self, kernel: torch.Size, axis: int) -> tuple[int, int]:
        """Return how many taps of the data kernel are before and after a smaller kernel.

        If the sum of both numbers is odd, there is one more tap after the smaller kernel.
        """
        return _margins(kernel[axis], self.kernel[axis])

    def full_size(self, coord_weight: Tensor) -> Tensor:
        """Return the coordinate weights padded with zeros to the size of the data kernel."""
        return with_margins(coord_weight, self.kernel)


def _margins(small: int, large: int) -> tuple[int, int]:
    missing = large - small
    return missing // 2, missing - missing // 2


def with_margins(coord_weight: Tensor, kernel: Sequence[int]) -> Tensor:
    """Return coordinate weights, shape (a, b, *small), centered in a larger kernel of zeros.

    This uses concatenation instead of padding, because the ONNX exporter that traces a model can
    infer the shape of a concatenation, but not that of a padded tensor.
    """
    for axis, taps in enumerate(kernel, start=2):
        shape = [*coord_weight.shape]
        margins = _margins(shape[axis], taps)
        if any(margins):
            before, after = (
                coord_weight.new_zeros(*shape[:axis], n, *shape[axis + 1 :]) for n in margins
            )
            coord_weight = torch.cat([before, coord_weight, after], dim=axis)
    return coord_weight


class Convolution(_Operation):
    """``conv1d``, ``conv2d`` or ``conv3d`` of torch, with all padding modes of ``nn.Conv2d``."""

    stride: SizeNd
    padding: Padding
    dilation: SizeNd
    padding_mode: PaddingMode

    def __init__(
        self,
        weight: Tensor,
        stride: SizeNd,
        padding: Padding,
        dilation: SizeNd,
        groups: int,
        padding_mode: PaddingMode,
    ) -> None:
        super().__init__(weight, groups)
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                "`padding_mode` must be 'zeros', 'reflect', 'replicate' or 'circular', "
                f"got {padding_mode!r}"
            )
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"`padding` must be integers, 'same' or 'valid', got {padding!r}")
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.padding_mode = padding_mode

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """Apply the operation with these weights; for coordinates, ``groups`` is 1."""
        convolve, padding = _CONVOLUTIONS[self.rank - 1], self.padding
        if self.padding_mode != "zeros":
            axes = reversed(range(self.rank))
            margins = [n for axis in axes for n in self._margins(axis)]
            x, padding = functional.pad(x, margins, self.padding_mode), 0
        return convolve(x, weight, bias, self.stride, padding, self.dilation, groups)

    @property
    def geometry(self) -> tuple[Hashable, ...]:
        """The options that `taps` depends on."""
        return (
            Convolution,
            self.kernel,
            self.stride,
            self.padding,
            self.dilation,
            self.padding_mode,
        )

    @property
    def is_pointwise(self) -> bool:
        """Whether each output pixel only depends on the input pixel at the same position."""
        padding = 0 if isinstance(self.padding, str) else self.padding
        return _are_all(1, self.kernel, self.stride) and _are_all(0, padding)

    def taps(self, values: Tensor, axis: int, kernel: torch.Size) -> Tensor:
        """Return the input value of each kernel tap along an axis: (c, n) -> (c, outputs, taps).

        Only the taps of the coordinate kernel, of size ``kernel``, are returned.
        """
        margins, dilation = self._margins(axis), self.each_axis(self.dilation)[axis]
        if any(margins):
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            values = functional.pad(values, margins, mode)
        reach, stride = dilation * (self.kernel[axis] - 1), self.each_axis(self.stride)[axis]
        taps = values.unfold(-1, reach + 1, stride)[..., ::dilation]
        before, _ = self.margins_around(kernel, axis)
        return taps.narrow(-1, before, kernel[axis])

    def edges(self, axis: int) -> tuple[int, int]:
        """Return how many output pixels at each end of an axis may have taps in a margin of zeros.

        Other padding modes do not have margins of zeros.
        """
        if self.padding_mode != "zeros":
            return 0, 0
        stride = self.each_axis(self.stride)[axis]
        before, after = self._margins(axis)
        return -(-before // stride), -(-after // stride)

    def channels(self, weight: Tensor) -> tuple[int, int]:
        """Return the numbers of input and output channels."""
        return weight.shape[1] * self.groups, weight.shape[0]

    def outputs_first(self, coord_weight: Tensor) -> Tensor:
        """Return the coordinate weights with the output axis first."""
        return coord_weight

    def joint_weight(self, weight: Tensor, coord_weight: Tensor) -> Tensor:
        """Join data and coordinate weights; in each group, the coordinates are after the data."""
        return torch.cat([weight, self.full_size(coord_weight)], dim=1)

    def _margins(self, axis: int) -> tuple[int, int]:
        if self.padding == "same":
            total = self.each_axis(self.dilation)[axis] * (self.kernel[axis] - 1)
            # With an odd total, the extra pixel is after the image, as in torch.nn.Conv2d.
            return total // 2, total - total // 2
        margin = 0 if isinstance(self.padding, str) else self.each_axis(self.padding)[axis]
        return margin, margin


class TransposedConvolution(_Operation):
    """``conv_transpose1d``, ``conv_transpose2d`` or ``conv_transpose3d`` of torch."""

    stride: SizeNd
    padding: SizeNd
    output_padding: SizeNd
    dilation: SizeNd

    def __init__(
        self,
        weight: Tensor,
        stride: SizeNd,
        padding: SizeNd,
        output_padding: SizeNd,
        dilation: SizeNd,
        groups: int,
    ) -> None:
        super().__init__(weight, groups)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.output_padding = output_padding

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """Apply the operation with these weights; for coordinates, ``groups`` is 1."""
        return _TRANSPOSED[self.rank - 1](
            x, weight, bias, self.stride, self.padding, self.output_padding, groups, self.dilation
        )

    @property
    def geometry(self) -> tuple[Hashable, ...]:
        """The options that `taps` depends on."""
        padding = self.padding, self.output_padding
        return (TransposedConvolution, self.kernel, self.stride, padding, self.dilation)

    @property
    def is_pointwise(self) -> bool:
        """Whether each output pixel only depends on the input pixel at the same position."""
        return _are_all(1, self.kernel, self.stride) and _are_all(
            0, self.padding, self.output_padding
        )

    def taps(self, values: Tensor, axis: int, kernel: torch.Size) -> Tensor:
        """Return the input value of each kernel tap along an axis: (c, n) -> (c, outputs, taps).

        Only the taps of the coordinate kernel, of size ``kernel``, are returned. Input pixel i
        contributes to output pixel t through tap u if t = stride * i + dilation * u - padding. So
        the operation equals a convolution with reversed taps over the input pixels, spaced
        ``stride`` apart.
        """
        numbers = (self.stride, self.padding, self.output_padding, self.dilation)
        stride, padding, extra, dilation = (self.each_axis(number)[axis] for number in numbers)
        if stride > 1:
            apart = functional.pad(values.unsqueeze(-1), (0, stride - 1)).flatten(-2)
            values = apart[..., : apart.shape[-1] - (stride - 1)]
        reach = dilation * (self.kernel[axis] - 1)
        # Pad the end first, because the crop at the start may be longer than the unpadded values.
        values = functional.pad(values, (0, reach + extra))
        values = functional.pad(values, (reach - padding, -padding))
        taps = values.unfold(-1, reach + 1, 1)[..., ::dilation].flip(-1)
        before, _ = self.margins_around(kernel, axis)
        return taps.narrow(-1, before, kernel[axis])

    def channels(self, weight: Tensor) -> tuple[int, int]:
        """Return the numbers of input and output channels."""
        return weight.shape[0], weight.shape[1] * self.groups

    def outputs_first(self, coord_weight: Tensor) -> Tensor:
        """Return the coordinate weights with the output axis first."""
        return coord_weight.transpose(0, 1)

    def joint_weight(self, weight: Tensor, coord_weight: Tensor) -> Tensor:
        """Join data and coordinate weights; in each group, the coordinates are after the data."""
        data = weight.unflatten(0, (self.groups, -1))
        coordinates = self.full_size(coord_weight).unflatten(1, (self.groups, -1)).transpose(0, 1)
        return torch.cat([data, coordinates], dim=1).flatten(0, 1)
