"""Convolutions that also see coordinates, as modules.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer" and Figure 3. Footnote 2
describes the smaller kernel for the coordinates.
"""

import torch
import torch.fx
from torch import Tensor, nn

from coordconv.computation import Method
from coordconv.conventions import Convention, ConventionName
from coordconv.functional import coord_conv
from coordconv.grids import AnyWindow
from coordconv.layers.coordinates import CoordinateLayer, draw_together
from coordconv.layers.materialization import coordinate_parameter
from coordconv.operations import Padding, PaddingMode, SizeNd

__all__ = ["CoordConv1d", "CoordConv2d", "CoordConv3d"]

# Let torch.fx record a call of this function, because it cannot trace code that reads a size.
torch.fx.wrap("coord_conv")


class CoordConvolution(CoordinateLayer):
    """Base class of `CoordConv1d`, `CoordConv2d` and `CoordConv3d`."""

    padding: str | tuple[int, ...]
    padding_mode: PaddingMode

    def __init__(
        self,
        in_channels: int,
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
        super().__init__(
            in_channels,
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
        )
        self._set_options(radius, convention, coord_kernel_size, method)
        coordinates = len(self.kernel_size) + (1 if radius else 0)
        shape = (out_channels, coordinates, *self.coord_kernel_size)
        self.coord_weight: nn.Parameter = coordinate_parameter(
            torch.zeros(shape, device=device, dtype=dtype)
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize as a single convolution over [data, coordinates] would.

        Every output channel reads in / groups data channels and all d coordinates. So its weights
        and its bias are drawn uniformly between -b and b with b = 1 / sqrt((in / groups + d) *
        taps), where taps is the number of pixels in the kernel. With the same seed, the weights
        equal those of a plain ``torch.nn.Conv2d`` with in + groups * d input channels, where the
        data channels of each group are followed by the group's own copy of the d coordinates. If
        the coordinate kernel is smaller than the data kernel, it gets the central taps of these
        weights. A layer that was converted from a plain layer is instead initialized like the plain
        layer, with coordinate weights of zero.
        """
        if not hasattr(self, "coord_weight"):
            return  # The constructor of the plain layer calls this before `coord_weight` exists.
        if self._starts_at_zero:
            super().reset_parameters()
            return
        data, coordinates = self.weight.shape[1], self.coord_weight.shape[1]
        joint = self.weight.new_zeros(self.out_channels, data + coordinates, *self.kernel_size)
        draw_together(joint, self.bias)
        with torch.no_grad():
            self.weight.copy_(joint[:, :data])
            self.coord_weight.copy_(self._middle_taps(joint[:, data:]))

    def forward(
        self,
        input: Tensor,
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Return `coord_conv` of ``input``, shape (N, C, *size) or (C, *size).

        Args:
            input: The data channels.
            window: Where the inputs are in a larger image, if they are crops of it; one window for
                the batch, or one per sample.
            coordinates: Coordinates to use instead of the computed ones, shape (d, *size) or
                (N, d, *size).
        """
        self._check_weights()
        return self._conv_forward(
            input, self.weight, self.bias, window=window, coordinates=coordinates
        )

    def _conv_forward(
        self,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        *,
        window: AnyWindow | None = None,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        # Adapters and quantizers call this method of torch.nn.Conv2d with their own weight.
        return coord_conv(
            input,
            weight,
            self.coord_weight,
            bias,
            self.stride,
            self.padding,  # pyright: ignore[reportArgumentType]
            self.dilation,
            self.groups,
            padding_mode=self.padding_mode,
            convention=self.convention,
            radius=self.radius,
            window=window,
            coordinates=coordinates,
            method=self.method,
        )


class CoordConv1d(CoordConvolution, nn.Conv1d):
    """A 1-D convolution that also sees the coordinates of each pixel, for signals.

    Attributes:
        weight: Shape (out, in / groups, k), as in ``torch.nn.Conv1d``.
        coord_weight: Shape (out, 1, k) for x, or (out, 2, k) with the radius, which is |x|.
        bias: Shape (out,), or None.

    Args:
        in_channels: Number of data channels; the coordinates are not counted.
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
        ValueError: As in `CoordConv2d`.

    Example:
        >>> CoordConv1d(16, 8, kernel_size=3, padding=1)(torch.zeros(4, 16, 5)).shape
        torch.Size([4, 8, 5])
    """


class CoordConv2d(CoordConvolution, nn.Conv2d):
    """A 2-D convolution that also sees the coordinates of each pixel, for images.

    The layer computes, where * is the convolution and x, y, r are the coordinates::

        output = data * weight + [x, y, r] * coord_weight + bias

    This equals appending the coordinates to the input and then convolving, see `coord_conv`. The
    radius r is only used with ``radius=True``. If ``coord_weight`` is zero, the output equals that
    of the plain convolution bit for bit. A layer with c input channels, c' output channels, a k x k
    kernel and d coordinates has (c + d) c' k^2 weights.

    Attributes:
        weight: Shape (out, in / groups, kh, kw). The name and the shape are as in
            ``torch.nn.Conv2d``, so checkpoints of ``Conv2d`` load with ``strict=False``.
        coord_weight: Shape (out, 2, kh, kw) for x (the column) and y (the row), or (out, 3, kh, kw)
            with the radius.
        bias: Shape (out,), or None.

    Args:
        in_channels: Number of data channels; the coordinates are not counted.
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
        coord_kernel_size: Height and width of a smaller kernel for the coordinates (footnote 2 of
            the paper), centered in the data kernel; as large as the data kernel if omitted.
        method: How to compute the layer, see `coord_conv`; every method gives the same result.

    Raises:
        ValueError: If ``torch.nn.Conv2d`` would raise it for the same arguments, if the coordinate
            kernel is larger than the data kernel, or if the convention or the method is unknown.
        TypeError: If the radius is not True or False.

    Example:
        >>> layer = CoordConv2d(16, 8, kernel_size=3, padding=1)
        >>> layer(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 8, 2, 3])
        >>> layer
        CoordConv2d(16, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), radius=False)

        With ``window``, a crop keeps its true position:

        >>> picture = torch.randn(1, 16, 6, 9)
        >>> crop = layer(picture[..., 1:6, 2:9], window=((1, 2), (6, 9)))
        >>> torch.testing.assert_close(crop[..., 1:-1, 1:-1], layer(picture)[..., 2:-1, 3:-1])
    """


class CoordConv3d(CoordConvolution, nn.Conv3d):
    """A 3-D convolution that also sees the coordinates of each voxel, for volumes.

    Attributes:
        weight: Shape (out, in / groups, kd, kh, kw), as in ``torch.nn.Conv3d``.
        coord_weight: Shape (out, 3, kd, kh, kw) for x (the last axis), y and z (the first one), or
            (out, 4, kd, kh, kw) with the radius.
        bias: Shape (out,), or None.

    Args:
        in_channels: Number of data channels; the coordinates are not counted.
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
        ValueError: As in `CoordConv2d`.

    Example:
        >>> CoordConv3d(2, 8, kernel_size=3, padding=1)(torch.zeros(4, 2, 2, 3, 5)).shape
        torch.Size([4, 8, 2, 3, 5])
    """
