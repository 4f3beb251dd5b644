"""The law of the layers: each equals appending the coordinates and then convolving.

The reference is the plain layer of torch on coordinates made by plain loops; with groups, each
group gets its own copy of the coordinates. Everything is computed in float64 from the same, already
rounded numbers, so the difference is only the rounding of the layer.
"""

import math
from itertools import product

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

import coordconv
from coordconv import CONVENTIONS, Convention

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
MODES = ["zeros", "reflect", "replicate", "circular"]
RANKS = [1, 2, 3]


def coordinates_by_loops(size, convention: Convention, radius: bool, window) -> Tensor:
    start, whole = ([0] * len(size), size) if window is None else window

    def position(index: int, length: int) -> float:
        if convention == CONVENTIONS["pixels"]:
            return float(index)
        ends = length - 1 if convention.alignment == "corners" else length
        low, high = convention.span
        if ends == 0:  # A single pixel is at the center, and as wide as the span.
            return (low + high) / 2 + (high - low) * index
        return low + (high - low) * (index + (convention.alignment == "edges") / 2) / ends

    grid = torch.empty(len(size) + radius, *size, dtype=torch.float64)
    for pixel in product(*map(range, size)):
        place = [position(s + i, n) for s, i, n in zip(start, pixel, whole, strict=True)]
        channels = place[::-1] if convention.order == "xy" else place[:]
        channels += [math.hypot(*place)] * radius
        grid[:, *pixel] = torch.tensor(channels, dtype=torch.float64)
    return grid


def reference(layer, x: Tensor, upstream: Tensor, window, magnitude: bool) -> list[Tensor]:
    """Return the output and all gradients; with magnitude, those of all absolute values."""
    numbers = [part.detach().double() for part in (x, layer.weight, layer.coord_weight, upstream)]
    data, weight, coord_weight, upstream = [n.abs() if magnitude else n for n in numbers]
    rank, groups = len(layer.kernel_size), layer.groups
    grid = coordinates_by_loops(x.shape[2:], layer.convention, layer.radius, window)
    grid = grid.to(x.dtype).double()
    grid = (grid.abs() if magnitude else grid).expand(len(x), *grid.shape)
    coordinates = len(grid[0])
    full = torch.zeros(*coord_weight.shape[:2], *layer.kernel_size, dtype=torch.float64)
    sizes = zip(layer.kernel_size, layer.coord_kernel_size, strict=True)
    middle = [slice((k - small) // 2, (k - small) // 2 + small) for k, small in sizes]
    full[:, :, *middle] = coord_weight
    options = {"groups": groups, "dtype": torch.float64}
    arguments = (layer.kernel_size, layer.stride, layer.padding)
    channels = layer.in_channels + groups * coordinates
    if layer.transposed:
        plain = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[rank - 1]
        options |= {"output_padding": layer.output_padding, "dilation": layer.dilation}
        weights = []
        for group in range(groups):
            outputs = slice(group * weight.shape[1], (group + 1) * weight.shape[1])
            weights += [weight.chunk(groups)[group], full[:, outputs]]
        weights = torch.cat(weights)
    else:
        plain = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
        options |= {"padding_mode": layer.padding_mode, "dilation": layer.dilation}
        weights = torch.cat([weight, full], dim=1)
    joint = plain(channels, layer.out_channels, *arguments, **options)
    with torch.no_grad():
        joint.weight.copy_(weights)
        joint.bias.copy_(layer.bias.abs() if magnitude else layer.bias)
    data.requires_grad_()
    parts = [torch.cat([group, grid], dim=1) for group in data.chunk(groups, dim=1)]
    output = joint(torch.cat(parts, dim=1))
    output.backward(upstream)
    gradient = joint.weight.grad
    if layer.transposed:
        by_group = gradient.unflatten(0, (groups, -1))
        of_data, of_coordinates = by_group.split([layer.in_channels // groups, coordinates], dim=1)
        of_data = of_data.flatten(0, 1)
        of_coordinates = of_coordinates.transpose(0, 1).flatten(1, 2)
    else:
        of_data, of_coordinates = gradient.split([weight.shape[1], coordinates], dim=1)
    of_coordinates = of_coordinates[:, :, *middle]
    return [output.detach(), data.grad, of_data, of_coordinates, joint.bias.grad]


@st.composite
def cases(draw: st.DrawFn, rank: int, padding_mode: str, transposed: bool):
    """Draw the arguments of a layer, the shape of its input, a window and the memory format."""

    def axes(numbers):
        return st.tuples(*[numbers] * rank)

    largest = 3 if rank < 3 else 2
    kernel = draw(axes(st.integers(1, largest)))
    # One element has no dilation. torch 2.13 crashes when it gets one anyway: the transposed
    # convolution in bfloat16, channels last, with padding, where the processor has AVX512-BF16.
    dilation = tuple(draw(st.integers(1, 2)) if k > 1 else 1 for k in kernel)
    size, groups = draw(axes(st.integers(1, 7 if rank < 3 else 4))), draw(st.integers(1, 2))
    arguments = {
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * 2,
        "kernel_size": kernel,
        "dilation": dilation,
        "groups": groups,
        "radius": draw(st.booleans()),
        "convention": draw(st.sampled_from(["paper", "monai", "affine_grid", "sparseinst"])),
        "coord_kernel_size": tuple(draw(st.integers(1, k)) for k in kernel),
        "method": draw(st.sampled_from(["auto", "separate", "concatenate"])),
    }
    reach = [step * (n - 1) for step, n in zip(dilation, kernel, strict=True)]
    if transposed:
        stride = draw(axes(st.integers(1, 3)))
        padding = draw(axes(st.integers(0, 2)))
        extra = tuple(draw(st.integers(0, s - 1)) for s in stride)
        for n, s, p, e, r in zip(size, stride, padding, extra, reach, strict=True):
            assume((n - 1) * s - 2 * p + r + e + 1 > 0)
        arguments |= {"stride": stride, "padding": padding, "output_padding": extra}
    else:
        numbers = axes(st.integers(0, 2))
        padding = draw(st.one_of(st.integers(0, 2), numbers, st.sampled_from(["same", "valid"])))
        stride = (1,) * rank if padding == "same" else draw(axes(st.integers(1, 3)))
        if padding == "same":
            margins = [(r + 1) // 2 for r in reach]
        else:
            margins = [0] * rank if padding == "valid" else torch.tensor(padding).expand(rank)
        for n, r, margin in zip(size, reach, margins, strict=True):
            assume(padding == "same" or n + 2 * margin > r)
            assume(padding_mode != "reflect" or margin < n)
            assume(padding_mode != "circular" or margin <= n)
        arguments |= {"stride": stride, "padding": padding, "padding_mode": padding_mode}
    window = draw(st.none() | st.tuples(axes(st.integers(-2, 3)), axes(st.integers(1, 9))))
    # Any radius but the paper's depends on more than the crop; test_windows.py has those.
    shape = (draw(st.integers(1, 3)), arguments["in_channels"], *size)
    last = {2: torch.channels_last, 3: torch.channels_last_3d}.get(rank, torch.contiguous_format)
    return arguments, shape, window, draw(st.sampled_from([torch.contiguous_format, last]))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("padding_mode", [*MODES, "transposed"])
@pytest.mark.parametrize("rank", RANKS)
@given(draw=st.data(), seed=st.integers(0, 2**16))
@settings(max_examples=12, deadline=None, derandomize=True)  # The same cases in every run.
def test_the_layer_equals_concatenation_forward_and_backward(rank, padding_mode, dtype, draw, seed):
    transposed = padding_mode == "transposed"
    arguments, shape, window, memory_format = draw.draw(cases(rank, padding_mode, transposed))
    name = f"CoordConv{'Transpose' if transposed else ''}{rank}d"
    torch.manual_seed(seed)
    layer = getattr(coordconv, name)(**arguments, dtype=dtype)
    if layer.radius and window is not None:
        # The radius of the window is measured from the center of the full image.
        window = None
    x = torch.randn(shape).to(dtype, memory_format=memory_format).requires_grad_()
    output = layer(x, window=window)
    # torch 2.13 reads memory that it never wrote: nn.Conv2d itself, in bfloat16, with a stride, to
    # an output one pixel wide, where the processor has AMX.
    assume(dtype != torch.bfloat16 or max(layer.stride) == 1 or min(output.shape[2:]) > 1)
    upstream = torch.randn(output.shape).to(dtype)
    output.backward(upstream)
    actual = [output.detach(), x.grad]
    actual += [p.grad for p in (layer.weight, layer.coord_weight, layer.bias)]
    expected = reference(layer, x, upstream, window, magnitude=False)
    largest = reference(layer, x, upstream, window, magnitude=True)
    assert len(actual) == len(expected)
    for ours, theirs, bound in zip(actual, expected, largest, strict=True):
        # A rounding error is bounded by the sum of the magnitudes of all terms.
        atol = 8 * torch.finfo(dtype).eps * bound.max().item()
        assert_close(ours.double(), theirs, rtol=0, atol=atol)
