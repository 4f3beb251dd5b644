"""CoordConv as pure functions, which the modules in `coordconv.layers` call.

Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer", define the layer as follows:
append the coordinates of every pixel to the channels, then convolve. `append_then_convolve`
implements this definition for all layers. `coordconv.computation` has faster methods, whose results
equal the definition up to rounding.
"""

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor

from coordconv.computation.appending import append, in_two_parts
from coordconv.computation.geometry import grid_of
from coordconv.computation.inputs import check_floating_point, check_inputs, checked_groups
from coordconv.computation.kept import may_keep_for_call
from coordconv.computation.memory_format import in_format_of
from coordconv.computation.methods import Method, chosen_way
from coordconv.computation.separate import repeated, separate
from coordconv.computation.torch_modes import without_autocast
from coordconv.conventions import Convention, ConventionName
from coordconv.grids import AnyWindow
from coordconv.model_positions import placement_here
from coordconv.operations import Convolution, Padding, PaddingMode, SizeNd, TransposedConvolution
from coordconv.pixel_positions import Positions

__all__ = ["append_coordinates", "coord_conv", "coord_conv_transpose"]


def append_coordinates(
    x: Tensor,
    *,
    convention: Convention | ConventionName = "paper",
    radius: bool = False,
    groups: int = 1,
    window: AnyWindow | None = None,
    coordinates: Tensor | None = None,
) -> Tensor:
    """Append the coordinates of every pixel to the channels of a batch.

    Args:
        x: Shape ``(N, C, *size)`` with at least one spatial axis, of a floating-point type. The
            batch axis is required, because an image of shape (C, H, W) would be read as a batch
            (N, C, W) of signals.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset. The
            ``side`` of the convention decides whether the coordinates go after or before the data.
        radius: Whether to append the distance to the center as well.
        groups: Number of groups of channels. Each group gets its own copy of the coordinates, as
            needed for a convolution with the same number of groups.
        window: Where ``x`` is in the full image, if it is a crop: a `Window` or a `Placement`.
        coordinates: Coordinates to use instead of the computed ones, with shape ``(d, *size)`` for
            all samples or ``(N, d, *size)`` per sample, where d is the number of coordinates.

    Returns:
        A tensor of shape ``(N, C + groups * d, *size)`` with the dtype, device and memory format of
        ``x``.

    Raises:
        TypeError: If ``x`` is not a floating-point tensor, or if ``radius`` is not a bool.
        ValueError: If ``x`` has no spatial axis, if ``groups`` does not divide its channels, if the
            convention or window is invalid, or if ``coordinates`` and ``x`` differ in size.

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
            "`x` must have shape (N, C, *size) with at least one spatial axis, got "
            f"{tuple(x.shape)}; add the missing batch or channel axis with unsqueeze"
        )
    positions = Positions.of(x, x.dim() - 2, convention, radius, window, coordinates)
    grid = positions.grid(x, x.dim() - 2, x.dtype)
    groups = checked_groups(groups, x.shape[1])
    return append(x, grid, groups, positions.convention.side)


def append_then_convolve(
    operation: Convolution | TransposedConvolution,
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None,
    grid: Tensor,
) -> Tensor:
    """Append the coordinates to the data, then convolve. This defines the result of all layers.

    With groups, each group of data channels is followed by its own copy of the coordinates, so
    that every output channel sees all coordinates.

    Args:
        operation: The operation without coordinates: a convolution or a transposed convolution.
        x: Shape (N, C, *size) or (C, *size).
        weight: The weight for the data.
        coord_weight: The weight for the coordinates. Its kernel is not larger than the data kernel.
        bias: Shape (out,), or None.
        grid: Coordinates of the pixels, shape (d, *size) or (N, d, *size).
    """
    batch = x if x.dim() == operation.rank + 2 else x.unsqueeze(0)
    joint_input = append(batch, grid, operation.groups)
    # The two weights may differ in dtype, and the output has the dtype that `weight` gives.
    weights = weight, coord_weight.to(weight.dtype)
    joint_weight = without_autocast(x.device.type, operation.joint_weight, *weights)
    joint_weight = in_format_of(weight, joint_weight)
    output = operation(joint_input, joint_weight, bias, operation.groups)
    return output if x.dim() == batch.dim() else output.squeeze(0)


def coord_conv(
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None = None,
    stride: SizeNd = 1,
    padding: Padding = 0,
    dilation: SizeNd = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    convention: Convention | ConventionName = "paper",
    radius: bool = False,
    window: AnyWindow | None = None,
    coordinates: Tensor | None = None,
    method: Method = "auto",
) -> Tensor:
    """Convolve a batch together with the coordinates of its pixels, in 1, 2 or 3 dimensions.

    The result equals appending the coordinates to the data and then convolving. Convolution is
    linear, so with W = ``weight`` and Wc = ``coord_weight``, the concatenation can be avoided::

        conv([x; coordinates], [W; Wc]) = conv(x, W) + conv(coordinates, Wc)

    The second term is computed once for the batch, unless ``window`` or ``coordinates`` differ
    between samples.

    Convention:
        The coordinates are padded in the same way as the data. With ``padding_mode="zeros"``,
        the coordinates in the margin are 0, and not extrapolated. ``groups`` divides only the data
        channels; every output channel sees all coordinates. A coordinate kernel that is smaller
        than the data kernel is centered in the data kernel. If the two sizes differ by an odd
        number, the coordinate kernel is half a tap off the center, toward the start.

    Args:
        x: Shape (N, C, *size), or (C, *size) without a batch, as in ``torch.nn.Conv2d``.
        weight: Shape (out, C / groups, *kernel). The number of kernel axes, 1 to 3, is the
            rank of the convolution.
        coord_weight: Shape (out, d, *coordinate kernel), with one channel for each of the d
            coordinates, in the order of `coordinate_grid`. By default, these are x (the column) and
            y (the row), followed by the radius if ``radius=True``.
        bias: Shape (out,), or None.
        stride: Step of the kernel, in pixels.
        padding: Margin in pixels on each side, or ``"same"`` or ``"valid"``.
        dilation: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels.
        padding_mode: How to fill the margin: ``"zeros"``, ``"reflect"``, ``"replicate"`` or
            ``"circular"``.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        radius: Whether the coordinates include the distance to the center.
        window: Where the inputs are in a larger image, if they are crops of it: a `Window` or a
            `Placement`.
        coordinates: Coordinates to use instead of the computed ones, shape (d, *size) or
            (N, d, *size).
        method: ``"concatenate"`` concatenates data and coordinates, ``"separate"`` computes the
            sum above, and ``"auto"`` chooses the faster method. All methods give the same result up
            to rounding.

    Returns:
        The output, with the shape, dtype and memory format that ``torch.nn.functional.conv2d``
        returns for the data, also under autocast.

    Raises:
        TypeError: If ``x`` is not a floating-point tensor, or if ``radius`` is not a bool.
        ValueError: If ``x`` does not have the number of channels that ``weight`` needs, if
            ``coord_weight`` does not have one channel per coordinate or has a larger kernel than
            ``weight``, or if the padding mode, method, convention, window or coordinates are
            invalid.
        RuntimeError: If weights are on the meta device and ``x`` is not.

    Example:
        >>> import torch
        >>> x, kernel = torch.ones(1, 1, 2, 3), torch.ones(1, 1, 1, 1)
        >>> only_the_column = torch.tensor([10.0, 0.0]).view(1, 2, 1, 1)
        >>> coord_conv(x, kernel, only_the_column)
        tensor([[[[-9.,  1., 11.],
                  [-9.,  1., 11.]]]])
    """
    options = (stride, padding, dilation, groups, padding_mode)
    tensors = (x, weight, coord_weight, bias)
    return _computed(
        Convolution, options, *tensors, convention, radius, window, coordinates, method
    )


def coord_conv_transpose(
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None = None,
    stride: SizeNd = 1,
    padding: SizeNd = 0,
    output_padding: SizeNd = 0,
    groups: int = 1,
    dilation: SizeNd = 1,
    *,
    convention: Convention | ConventionName = "paper",
    radius: bool = False,
    window: AnyWindow | None = None,
    coordinates: Tensor | None = None,
    method: Method = "auto",
) -> Tensor:
    """Apply a transposed convolution to a batch and the coordinates of its pixels.

    It uses the coordinates of the input pixels, and is otherwise like `coord_conv`.

    Args:
        x: Shape (N, C, *size), or (C, *size) without a batch.
        weight: Shape (C, out / groups, *kernel), as in ``torch.nn.ConvTranspose2d``.
        coord_weight: Shape (d, out, *coordinate kernel) for d coordinates.
        bias: Shape (out,), or None.
        stride: Output pixels per input pixel.
        padding: Pixels cut from each side of the output.
        output_padding: Pixels added at the end of each axis of the output.
        groups: Number of groups of the data channels.
        dilation: Distance between the taps of the kernel, in pixels.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        radius: Whether the coordinates include the distance to the center.
        window: Where the inputs are in a larger image, if they are crops of it: a `Window` or a
            `Placement`.
        coordinates: Coordinates to use instead of the computed ones, shape (d, *size) or
            (N, d, *size).
        method: ``"separate"``, ``"concatenate"`` or ``"auto"``, see `coord_conv`.

    Returns:
        The output, with the shape, dtype and memory format that
        ``torch.nn.functional.conv_transpose2d`` returns for the data.

    Raises:
        TypeError: If ``x`` is not a floating-point tensor, or if ``radius`` is not a bool.
        ValueError: As in `coord_conv`.
        RuntimeError: As in `coord_conv`.

    Example:
        >>> import torch
        >>> x, kernel = torch.zeros(1, 1, 2), torch.zeros(1, 1, 2)
        >>> twice = torch.tensor([[[1.0, 10.0]]])  # Two output pixels for every input pixel.
        >>> coord_conv_transpose(x, kernel, twice, stride=2)
        tensor([[[ -1., -10.,   1.,  10.]]])
    """
    options = (stride, padding, output_padding, dilation, groups)
    tensors = (x, weight, coord_weight, bias)
    return _computed(
        TransposedConvolution, options, *tensors, convention, radius, window, coordinates, method
    )


def _computed(
    kind: type[Convolution | TransposedConvolution],
    options: tuple[Any, ...],
    x: Tensor,
    weight: Tensor,
    coord_weight: Tensor,
    bias: Tensor | None,
    convention: Convention | ConventionName,
    radius: bool,
    window: AnyWindow | None,
    coordinates: Tensor | None,
    method: Method,
) -> Tensor:
    """Compute the output as defined, or by a faster method with the same result."""
    key = None
    is_given = window is not None or coordinates is not None
    if not is_given and (bias is None or bias.is_cpu) and may_keep_for_call(x, coord_weight):
        key = _key(x, weight, kind, options, convention, radius, method)
        output = repeated(key, x, weight, coord_weight, bias)
        if output is not None:
            return output
    operation = kind(weight, *options)
    positions = Positions.of(x, operation.rank, convention, radius, window, coordinates)
    check_inputs(operation, x, weight, coord_weight, bias, positions.radius)
    way = chosen_way(method, operation, x, weight, coord_weight)
    if way == "separate":
        return separate(operation, x, weight, coord_weight, bias, positions, key)
    if way == "concatenate":
        grid = grid_of(x, operation.rank, positions, x.dtype)
    else:
        grid, coord_weight = in_two_parts(operation, x, coord_weight, positions)
    return append_then_convolve(operation, x, weight, coord_weight, bias, grid)


def _key(
    x: Tensor,
    weight: Tensor,
    kind: type[Convolution | TransposedConvolution],
    options: tuple[Any, ...],
    convention: Convention | ConventionName,
    radius: bool,
    method: Method,
) -> Hashable | None:
    """Return what determines a call, except the values of its tensors.

    Inside `positions`, where the input may be a crop, this is None.
    """
    if placement_here(x, weight.dim() - 2) is not None:
        return None
    autocast = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
    of_data = (type(x), x.shape, x.stride(), x.dtype)
    of_weight = (type(weight), weight.shape, weight.stride(), weight.dtype, weight.device)
    # 1 equals True and 1.0, which are refused or mean something else.
    numbers = [part for one in options for part in (one if isinstance(one, tuple) else (one,))]
    types = (type(radius), *map(type, numbers))
    of_layer = (kind, options, convention, radius, method, types)
    return of_data, of_weight, of_layer, autocast
