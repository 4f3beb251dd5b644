"""The arithmetic of CoordConv as pure functions; the modules in `coordconv.layers` call these.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer".
"""

from torch import Tensor

from coordconv.computation import (
    Method,
    check_floating_point,
    checked_groups,
    compute,
    join,
)
from coordconv.conventions import Convention
from coordconv.grids import Window
from coordconv.operations import Convolution, Numbers, PaddingMode, TransposedConvolution
from coordconv.pixel_positions import Positions
from coordconv.placements import Placement

__all__ = ["append_coordinates", "coord_conv", "coord_conv_transpose"]


def append_coordinates(
    x: Tensor,
    *,
    convention: Convention | str = "tutorial",
    radius: bool = False,
    groups: int = 1,
    window: Window | Placement | tuple | None = None,
    coordinates: Tensor | None = None,
) -> Tensor:
    """Append the coordinates of every pixel to the channels of a batch.

    Args:
        x: Shape ``(N, C, *size)`` with one spatial axis or more, of a floating-point type; always
            with a batch, for (C, H, W) would be read as (N, C, W).
        convention: What the coordinates mean: a `Convention` or the name of a preset. It also
            says on which side of the data they stand.
        radius: Append the distance to the centre as well.
        groups: Divide the channels into so many groups and append the coordinates to each, for a
            convolution with as many groups.
        window: Where the pictures lie in a larger one, a `Window` or a `Placement`.
        coordinates: Any coordinates instead of those of the convention, shape ``(d, *size)`` for
            the whole batch or ``(N, d, *size)``.

    Returns:
        Shape ``(N, C + groups * d, *size)`` with the dtype, the device and the memory format of
        ``x``.

    Raises:
        TypeError: If ``x`` is not of a floating-point type or the radius not True or False.
        ValueError: If ``x`` has no spatial axis, if ``groups`` does not divide its channels, if
            the convention or the window is unusable, or if the coordinates do not have the size of
            ``x``.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 1, 2, 3)
        >>> append_coordinates(x)[0, 1]
        tensor([[-1.,  0.,  1.],
                [-1.,  0.,  1.]])
        >>> append_coordinates(x, window=((0, 1), (2, 5)))[0, 1]
        tensor([[-0.5000,  0.0000,  0.5000],
                [-0.5000,  0.0000,  0.5000]])
    """
    check_floating_point(x)
    if x.dim() < 3:
        raise ValueError(
            f"x must have shape (N, C, *size) with one spatial axis or more, got {tuple(x.shape)}; "
            "add the missing batch or channel axis with unsqueeze"
        )
    positions = Positions.of(x, x.dim() - 2, convention, radius, window, coordinates)
    grid = positions.grid(x, x.dim() - 2, x.dtype)
    return join(x, grid, positions.convention.side, checked_groups(groups, x.shape[1]))


def coord_conv(
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None = None,
    stride: Numbers = 1,
    padding: str | Numbers = 0,
    dilation: Numbers = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    convention: Convention | str = "tutorial",
    radius: bool = False,
    window: Window | Placement | tuple | None = None,
    coordinates: Tensor | None = None,
    method: Method = "auto",
) -> Tensor:
    """Convolve a batch together with the coordinates of its pixels, at rank 1, 2 or 3.

    Convolution is linear, so the concatenation need not be built::

        conv([x; coordinates], [W; Wc]) = conv(x, W) + conv(coordinates, Wc)

    The second term is the same for every sample: it is computed once and added to each.

    Convention:
        The coordinates are padded in the same way as the data: with zeros, their margin is 0
        and not an extrapolated position. ``groups`` divides the data channels only; every
        output channel sees all coordinates. A coordinate kernel that is smaller than the kernel
        of the data lies in its middle, half a tap towards the start where it cannot.

    Args:
        x: Shape (N, C, *size), or (C, *size) without a batch, as in ``torch.nn.Conv2d``.
        weight: Shape (out, C / groups, *kernel); it decides the rank.
        coord_weight: Shape (out, d, *coordinate kernel), one channel for each coordinate in the
            order of `coordinate_grid`: by default x (the column), y (the row), the radius.
        bias: Shape (out,).
        stride: Step of the kernel, in pixels.
        padding: Margin in pixels on each side, ``"same"`` or ``"valid"``.
        dilation: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels.
        padding_mode: What the margin holds.
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        radius: The coordinates include the distance to the centre.
        window: Where the pictures lie in a larger one, a `Window` or a `Placement`.
        coordinates: Any coordinates instead, shape (d, *size) or (N, d, *size).
        method: ``"separate"`` as above, ``"concatenate"`` as published, or ``"auto"``, the
            cheaper by shape.

    Returns:
        What ``torch.nn.functional.conv2d`` returns for the data alone in shape, dtype and memory
        format, under autocast too.

    Raises:
        TypeError: If ``x`` is not of a floating-point type or the radius not True or False.
        ValueError: If ``x`` does not have the channels of ``weight``, if ``coord_weight`` does not
            hold one channel per coordinate or is larger than ``weight``, or if a padding mode,
            method, convention, window or coordinates are unusable.
        RuntimeError: If weights are on the meta device and ``x`` is not.

    Example:
        >>> import torch
        >>> x, kernel = torch.ones(1, 1, 2, 3), torch.ones(1, 1, 1, 1)
        >>> only_the_column = torch.tensor([10.0, 0.0]).view(1, 2, 1, 1)
        >>> coord_conv(x, kernel, only_the_column)
        tensor([[[[-9.,  1., 11.],
                  [-9.,  1., 11.]]]])
    """
    operation = Convolution(weight, stride, padding, dilation, groups, padding_mode)
    positions = Positions.of(x, operation.rank, convention, radius, window, coordinates)
    _check_have_data(x, weight, coord_weight)
    return compute(operation, x, weight, coord_weight, bias, positions, method)


def coord_conv_transpose(
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None = None,
    stride: Numbers = 1,
    padding: Numbers = 0,
    output_padding: Numbers = 0,
    groups: int = 1,
    dilation: Numbers = 1,
    *,
    convention: Convention | str = "tutorial",
    radius: bool = False,
    window: Window | Placement | tuple | None = None,
    coordinates: Tensor | None = None,
    method: Method = "auto",
) -> Tensor:
    """Apply a transposed convolution to a batch and the coordinates of its pixels.

    The coordinates are those of the input pixels. All else is as in `coord_conv`.

    Args:
        x: Shape (N, C, *size), or (C, *size) without a batch.
        weight: Shape (C, out / groups, *kernel), as in ``torch.nn.ConvTranspose2d``.
        coord_weight: Shape (d, out, *coordinate kernel).
        bias: Shape (out,).
        stride: Output pixels per input pixel.
        padding: Pixels cut from each side of the output.
        output_padding: Pixels added at the end of each axis of the output.
        groups: Number of groups of the data channels.
        dilation: Distance between the taps of the kernel, in pixels.
        convention: What the coordinates mean: a `Convention` or the name of a preset.
        radius: The coordinates include the distance to the centre.
        window: Where the pictures lie in a larger one, a `Window` or a `Placement`.
        coordinates: Any coordinates instead, shape (d, *size) or (N, d, *size).
        method: ``"separate"``, ``"concatenate"`` or ``"auto"``, see `coord_conv`.

    Returns:
        What ``torch.nn.functional.conv_transpose2d`` returns for the data alone in shape, dtype
        and memory format.

    Raises:
        TypeError: If ``x`` is not of a floating-point type or the radius not True or False.
        ValueError: As `coord_conv`.
        RuntimeError: As `coord_conv`.

    Example:
        >>> import torch
        >>> x, kernel = torch.zeros(1, 1, 2), torch.zeros(1, 1, 2)
        >>> twice = torch.tensor([[[1.0, 10.0]]])  # Two output pixels for every input pixel.
        >>> coord_conv_transpose(x, kernel, twice, stride=2)
        tensor([[[ -1., -10.,   1.,  10.]]])
    """
    operation = TransposedConvolution(weight, stride, padding, output_padding, dilation, groups)
    positions = Positions.of(x, operation.rank, convention, radius, window, coordinates)
    _check_have_data(x, weight, coord_weight)
    return compute(operation, x, weight, coord_weight, bias, positions, method)


def _check_have_data(x: Tensor, weight: Tensor, coord_weight: Tensor) -> None:
    """Refuse weights without memory, of which some CPU kernels of torch (2.13) read any."""
    for name, one in {"weight": weight, "coord_weight": coord_weight}.items():
        if one.is_meta and isinstance(x, Tensor) and not x.is_meta:
            raise RuntimeError(
                f"{name} is on the meta device and x on {x.device}: the weights were not loaded. A "
                "checkpoint of the plain model has no coordinate weights; "
                "coordconv.conversion.from_plain adds them"
            )
