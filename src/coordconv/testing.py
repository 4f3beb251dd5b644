"""Assertions for testing your own subclasses, grids and converted models.

Each assertion raises an AssertionError that says which part differs, where and by how much. The
assertions only need torch and work with any test runner.
"""

import copy
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.testing import assert_close
from torch.utils._pytree import tree_flatten

from coordconv.conventions import Convention, ConventionName
from coordconv.conversion.examples import Example, call_arguments
from coordconv.functional import coord_conv, coord_conv_transpose
from coordconv.grids import AnyWindow
from coordconv.layers.convolution import CoordConvolution
from coordconv.layers.transposed import CoordTransposedConvolution
from coordconv.pixel_positions import Positions

__all__ = [
    "assert_equals_concatenation",
    "assert_function_preserved",
    "assert_grid_convention",
]

_SIZES = ((2, 3), (3, 5), (1, 4), (4, 1), (1, 1), (7,), (2, 3, 4))


def assert_equals_concatenation(
    layer: nn.Module,
    input: Tensor,
    *,
    window: AnyWindow | None = None,
    coordinates: Tensor | None = None,
) -> None:
    """Assert that a layer equals appending the coordinates and then convolving.

    The concatenation is computed in float64. The output and the gradients of the input and all
    parameters are compared with it. The tolerance is 8 times the machine epsilon of the layer's
    dtype, relative to the sum of the magnitudes of all added terms. The rounding error is within
    this tolerance for any order of addition.

    Args:
        layer: A coordinate layer of any rank, transposed or not; subclasses are accepted.
        input: Shape (N, C, *size), with the device and dtype of the layer.
        window: Passed to the layer.
        coordinates: Passed to the layer.

    Raises:
        AssertionError: If the output or a gradient differs; the message says which.
        TypeError: If the layer is of another class, for example converted from a class with a
            custom ``forward``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> class Doubled(CoordConv2d):
        ...     def forward(self, input):
        ...         return 2 * super().forward(input)
        >>> images = torch.randn(4, 3, 5, 6)
        >>> assert_equals_concatenation(CoordConv2d(3, 8, 3), images)
        >>> assert_equals_concatenation(Doubled(3, 8, 3), images)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        AssertionError: output: Tensor-likes are not close!
        ...
    """
    if not isinstance(layer, (CoordConvolution, CoordTransposedConvolution)):
        raise TypeError(
            "`layer` must be one of CoordConv1d, ..., CoordConvTranspose3d or a subclass, got "
            f"{type(layer).__name__}"
        )
    # A parametrized weight would otherwise be another tensor each time that it is read.
    with torch.enable_grad(), parametrize.cached():
        _assert_equals(layer, input, window, coordinates)


def _assert_equals(
    layer: CoordConvolution | CoordTransposedConvolution,
    input: Tensor,
    window: AnyWindow | None,
    coordinates: Tensor | None,
) -> None:
    where = {"window": window, "coordinates": coordinates}
    where = {name: value for name, value in where.items() if value is not None}
    x = input.detach().requires_grad_()
    output = layer(x, **where)
    # Use upstream gradients of equal magnitude, because a small one could hide an error.
    upstream = torch.where(torch.rand_like(output) < 0.5, -1.0, 1.0).to(output.dtype)
    named = {"output": output, "gradient of the input": x}
    named |= {f"gradient of {name}": p for name, p in _parameters(layer).items()}
    learnt = [part for part, tensor in named.items() if tensor.requires_grad]
    assert output.requires_grad, "output: it is detached from the input"
    assert output.dtype == x.dtype, f"output: it has dtype {output.dtype}, expected {x.dtype}"
    # Unused parameters have gradient 0.
    gradients = torch.autograd.grad(
        output, [named[part] for part in learnt[1:]], upstream, materialize_grads=True
    )
    positions = Positions(layer.convention, layer.radius, window, coordinates)
    grid = positions.grid(x, len(layer.kernel_size), torch.promote_types(x.dtype, torch.float32))
    grid = grid.to(x.dtype).double()
    expected = _concatenated(layer, x, grid, upstream, magnitudes=False)
    largest = _concatenated(layer, x, grid, upstream, magnitudes=True)
    chosen = [number for number, part in enumerate(named) if part in learnt]
    actual = [output, *gradients]
    expected, largest = ([values[number] for number in chosen] for values in (expected, largest))
    for part, ours, theirs, bound in zip(learnt, actual, expected, largest, strict=True):
        eps = torch.finfo(ours.dtype).eps
        atol = 8 * eps * bound.max().item() if bound.numel() else 0.0
        assert_close(
            ours.double(),
            theirs,
            rtol=0,
            atol=atol,
            msg=lambda text, part=part: f"{part}: {text}",
        )


def _concatenated(
    layer: CoordConvolution | CoordTransposedConvolution,
    x: Tensor,
    grid: Tensor,
    upstream: Tensor,
    *,
    magnitudes: bool,
) -> list[Tensor]:
    """Return the output and the gradients of the concatenation, computed in float64.

    If ``magnitudes`` is set, they are computed from the absolute values of all tensors.
    """

    def numbers(tensor: Tensor) -> Tensor:
        tensor = tensor.detach().double()
        return tensor.abs() if magnitudes else tensor

    tensors = [numbers(tensor).requires_grad_() for tensor in (x, *_parameters(layer).values())]
    data, weight, coord_weight, *rest = tensors
    arguments = (data, weight, coord_weight, rest[0] if rest else None)
    options = {
        "convention": layer.convention,
        "radius": layer.radius,
        "coordinates": numbers(grid),
        "method": "concatenate",
    }
    if isinstance(layer, CoordTransposedConvolution):
        output_padding = _output_padding(layer, x, upstream)
        output = coord_conv_transpose(
            *arguments,
            layer.stride,
            layer.padding,  # pyright: ignore[reportArgumentType]
            output_padding,
            layer.groups,
            layer.dilation,
            **options,
        )
    else:
        output = coord_conv(
            *arguments,
            layer.stride,
            layer.padding,  # pyright: ignore[reportArgumentType]
            layer.dilation,
            layer.groups,
            padding_mode=layer.padding_mode,
            **options,
        )
    _assert_shape(upstream, output)
    return [output.detach(), *torch.autograd.grad(output, tensors, numbers(upstream))]


def _parameters(layer: CoordConvolution | CoordTransposedConvolution) -> dict[str, Tensor]:
    parameters = {"weight": layer.weight, "coord_weight": layer.coord_weight}
    return parameters if layer.bias is None else parameters | {"bias": layer.bias}


def _assert_shape(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape, (
        f"output: it has shape {tuple(actual.shape)}, but the concatenation has "
        f"{tuple(expected.shape)}"
    )


def _output_padding(
    layer: CoordTransposedConvolution, x: Tensor, output: Tensor
) -> tuple[int, ...]:
    """Return the output padding with which the transposed layer has an output of this size."""
    extra = []
    for axis in range(-len(layer.kernel_size), 0):
        reach = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
        steps = (x.shape[axis] - 1) * layer.stride[axis]
        smallest = steps - 2 * int(layer.padding[axis]) + reach + 1
        most = max(layer.stride[axis], layer.dilation[axis]) - 1
        # If no output padding gives this size, the comparison of shapes fails later.
        extra.append(min(max(output.shape[axis] - smallest, 0), most))
    return tuple(extra)


def assert_function_preserved(
    before: nn.Module,
    after: nn.Module,
    example: Example,
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
) -> None:
    """Assert that two models have the same outputs, for example before and after a conversion.

    The models are copied first, so the statistics and caches of the originals do not change. The
    copies are called with the same random seed.

    Args:
        before: The original model.
        after: The model that should have the same outputs.
        example: Inputs to call both models with: a tensor, a tuple of arguments, or a mapping of
            keyword arguments.
        rtol: Relative tolerance; 0 by default.
        atol: Absolute tolerance; 0 by default.

    Raises:
        AssertionError: If an output differs in value, dtype, shape or memory format.

    Example:
        >>> from coordconv import CoordConv2d
        >>> plain, layer = nn.Conv2d(3, 8, 3), CoordConv2d(3, 8, 3)
        >>> _ = layer.load_state_dict(plain.state_dict(), strict=False)
        >>> _ = nn.init.zeros_(layer.coord_weight)
        >>> assert_function_preserved(plain, layer, torch.randn(4, 3, 5, 6))
    """
    outputs = []
    arguments, options = call_arguments(example)
    for model in (before, after):
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            called = copy.deepcopy(model)(*copy.deepcopy(arguments), **copy.deepcopy(options))
            outputs.append(tree_flatten(called))
    (expected, expected_shape), (actual, actual_shape) = outputs
    assert actual_shape == expected_shape, (
        f"outputs have the structure {actual_shape}, expected {expected_shape}"
    )
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
    for ours, theirs in zip(actual, expected, strict=True):
        if isinstance(ours, Tensor):
            # The stride of an axis of length 1 has no meaning.
            strides = ours.squeeze().stride(), theirs.squeeze().stride()
            assert strides[0] == strides[1], (
                f"outputs have strides {strides[0]}, expected {strides[1]}"
            )


def assert_grid_convention(
    make_grid: Callable[[tuple[int, ...]], Tensor],
    convention: Convention | ConventionName = "paper",
    *,
    radius: bool = False,
    sizes: Sequence[tuple[int, ...]] = _SIZES,
) -> None:
    """Assert that a function returns the coordinate grids of a convention.

    The expected coordinates are computed from the definition, pixel by pixel, in Python floats. The
    default sizes include axes of different lengths, so that swapped axes are found.

    Args:
        make_grid: Function that takes a size such as (H, W) and returns a grid of shape (d, H, W),
            with any floating-point dtype.
        convention: A `Convention` or the name of a preset.
        radius: Whether the last channel is the radius.
        sizes: Sizes to check.

    Raises:
        AssertionError: If a shape or a coordinate is wrong. The message names the size of the grid.
        ValueError: If ``sizes`` is empty, so that nothing would be checked.
        TypeError: If ``sizes`` does not consist of sizes such as (H, W), or if ``make_grid`` does
            not return a tensor.

    Example:
        >>> from coordconv import coordinate_grid
        >>> assert_grid_convention(coordinate_grid)
        >>> assert_grid_convention(lambda n: coordinate_grid(n).flip(0))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        AssertionError: grid of size (2, 3): Tensor-likes are not close!
        ...
    """
    convention = Convention.of(convention)
    if not all(isinstance(size, (tuple, list)) for size in sizes):
        raise TypeError(f"`sizes` must consist of sizes such as (3, 5), got {sizes!r}")
    if not sizes:
        raise ValueError("`sizes` must contain at least one size, got none")
    for size in sizes:
        grid = make_grid(tuple(size))
        if not isinstance(grid, Tensor):
            raise TypeError(f"`make_grid` must return a tensor, got {type(grid).__name__}")
        expected = _grid_by_definition(tuple(size), convention, radius)
        assert grid.is_floating_point(), (
            f"grid of size {tuple(size)}: dtype must be floating-point, got {grid.dtype}"
        )
        eps = torch.finfo(grid.dtype).eps
        largest = max([1.0, *expected.abs().flatten().tolist()])
        assert_close(
            grid.double().cpu(),
            expected,
            rtol=0,
            atol=2 * eps * largest,
            msg=lambda text, size=size: f"grid of size {tuple(size)}: {text}",
        )


def _position(index: int, length: int, convention: Convention) -> float:
    """Return the coordinate of one pixel along one axis, by the definition."""
    steps = length - 1 if convention.alignment == "corners" else length
    low, high = (0, steps) if convention.span == "pixels" else convention.span
    if steps == 0:
        return (low + high) / 2
    fraction = (index + 0.5 if convention.alignment == "edges" else index) / steps
    return low + (high - low) * fraction


def _grid_by_definition(size: tuple[int, ...], convention: Convention, radius: bool) -> Tensor:
    pixels = list(torch.cartesian_prod(*(torch.arange(n) for n in size)).reshape(-1, len(size)))
    rows = []
    for pixel in pixels:
        numbers = list(zip(pixel.tolist(), size, strict=True))
        rows.append([_position(index, n, convention) for index, n in numbers])
    center = []
    for length in size:
        high = length - 1 if convention.alignment == "corners" else length
        center.append((high if convention.span == "pixels" else sum(convention.span)) / 2)
    far = [math.dist(row, center) for row in rows]
    if convention.radius == "off_center":
        far = [math.dist(row, [0.5] * len(size)) for row in rows]
    if convention.radius == "normalized":
        farthest = max(far, default=0.0) or 1.0
        far = [distance / farthest for distance in far]
    order = -1 if convention.order == "xy" else 1
    channels = [row[::order] + ([r] if radius else []) for row, r in zip(rows, far, strict=True)]
    count = len(size) + radius
    grid = torch.tensor(channels, dtype=torch.float64).reshape(-1, count)
    return grid.T.reshape(count, *size)
