"""CoordConv as modules: thin twins of the functions in `coordconv.functional`.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer" and Figure 3.
"""

import torch
from torch import Tensor, nn

from coordconv.functional import PaddingMode, append_coordinates, coord_conv2d
from coordconv.grids import Order

__all__ = ["AddCoords", "CoordConv2d"]


class AddCoords(nn.Module):
    """Append the coordinates of every pixel to the channels: the first half of a CoordConv.

    Put it in front of any module that should know where it is. It has no parameters and takes
    pictures of every size. See `append_coordinates` for shapes, conventions and errors.

    Args:
        order: Which axis comes first.
        span: Coordinates of the first and of the last pixel along every axis.
        radius: Append the distance to the centre as well.

    Example:
        >>> AddCoords(radius=True)(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 19, 2, 3])
    """

    def __init__(
        self,
        *,
        order: Order = "xy",
        span: tuple[float, float] = (-1.0, 1.0),
        radius: bool = False,
    ) -> None:
        super().__init__()
        self.order: Order = order
        self.span = span
        self.radius = radius

    def forward(self, x: Tensor) -> Tensor:
        """Return `append_coordinates` of ``x`` with the options of this module."""
        return append_coordinates(x, order=self.order, span=self.span, radius=self.radius)

    def extra_repr(self) -> str:
        """Return the options, all of them."""
        return f"order={self.order!r}, span={self.span}, radius={self.radius}"


class CoordConv2d(nn.Conv2d):
    """A 2-D convolution whose every output channel also sees where it is.

    For each output channel, with * the convolution and x, y, r the coordinates::

        output = data * weight + [x, y, r] * coord_weight + bias

    which equals appending the coordinates to the input and then convolving, see `coord_conv2d`.
    With zero ``coord_weight`` the layer is the plain convolution, bit for bit. It has
    (c + d) c' k^2 weights for c input channels, c' outputs, a k x k kernel and d coordinates.

    Attributes:
        weight: Shape (out, in / groups, kh, kw): the key and the shape of ``torch.nn.Conv2d``,
            whose checkpoints load with ``strict=False``.
        coord_weight: Shape (out, d, kh, kw) for x (the column), y (the row) and the radius.
        bias: Shape (out,), or None.

    Args:
        in_channels: Number of data channels; the coordinates are not counted.
        out_channels: Number of output channels.
        kernel_size: Height and width of the kernel, in pixels.
        stride: Step of the kernel, in pixels.
        padding: Margin in pixels, ``"same"`` or ``"valid"``.
        dilation: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels; each sees all coordinates.
        bias: Learn a constant per output channel.
        padding_mode: What the margin of the data and of the coordinates holds.
        device: Where the parameters live.
        dtype: Type of the parameters.
        radius: Use the distance to the centre as a third coordinate.

    Raises:
        ValueError: If ``torch.nn.Conv2d`` would raise it for the same arguments.

    Example:
        >>> layer = CoordConv2d(16, 8, kernel_size=3, padding=1)
        >>> layer(torch.zeros(4, 16, 2, 3)).shape
        torch.Size([4, 8, 2, 3])
        >>> layer
        CoordConv2d(16, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), radius=False)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        radius: bool = False,
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
        self.radius = radius
        shape = (out_channels, 3 if radius else 2, *self.kernel_size)
        self.coord_weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters as one convolution over the data and the coordinates draws them.

        An output channel reads in / groups data channels and all d coordinates, so the bound of
        its weights and of its bias is 1 / sqrt((in / groups + d) kh kw). From the same seed come
        the numbers of ``torch.nn.Conv2d(in + groups * d, ...)``, in which each group reads its
        own copy of the coordinates after its data.
        """
        if not hasattr(self, "coord_weight"):
            return  # The constructor of nn.Conv2d calls this before the coordinate weights exist.
        data, (_, coordinates, height, width) = self.weight.shape[1], self.coord_weight.shape
        joint = nn.Conv2d(
            self.in_channels + self.groups * coordinates,
            self.out_channels,
            (height, width),
            groups=self.groups,
            bias=self.bias is not None,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        with torch.no_grad():
            self.weight.copy_(joint.weight[:, :data])
            self.coord_weight.copy_(joint.weight[:, data:])
            if self.bias is not None and joint.bias is not None:
                self.bias.copy_(joint.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return `coord_conv2d` of ``input``, shape (N, C, H, W) or (C, H, W)."""
        return coord_conv2d(
            input,
            self.weight,
            self.coord_weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            padding_mode=self.padding_mode,
            radius=self.radius,
        )

    def extra_repr(self) -> str:
        """Return the arguments as ``torch.nn.Conv2d`` does, and the radius."""
        return f"{super().extra_repr()}, radius={self.radius}"
