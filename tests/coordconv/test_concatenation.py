"""The law of the layer: it equals appending the coordinates and then convolving.

The reference is `torch.nn.Conv2d` on coordinates made by plain loops; with groups, each group
gets its own copy of the coordinates. Everything is computed in float64 from the same, already
rounded numbers, so the difference is the rounding of the layer alone.
"""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from coordconv import CoordConv2d

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
MODES = ["zeros", "reflect", "replicate", "circular"]


def coordinates_by_loops(height: int, width: int, radius: bool) -> Tensor:
    def position(index: int, length: int) -> float:
        return 0.0 if length == 1 else 2 * index / (length - 1) - 1

    grid = torch.empty(3 if radius else 2, height, width, dtype=torch.float64)
    for i in range(height):
        for j in range(width):
            x, y = position(j, width), position(i, height)
            grid[:, i, j] = torch.tensor([x, y, math.hypot(x, y)], dtype=grid.dtype)[: len(grid)]
    return grid


def reference(layer: CoordConv2d, x: Tensor, upstream: Tensor, magnitude: bool) -> list[Tensor]:
    """Return the output and all gradients; with magnitude, those of all absolute values."""
    numbers = [part.detach().double() for part in (x, layer.weight, layer.coord_weight, upstream)]
    data, weight, coord_weight, upstream = [n.abs() if magnitude else n for n in numbers]
    grid = coordinates_by_loops(x.shape[-2], x.shape[-1], layer.radius).to(x.dtype).double()
    grid = (grid.abs() if magnitude else grid).expand(len(x), *grid.shape)
    joint = nn.Conv2d(
        layer.in_channels + layer.groups * grid.shape[1],
        layer.out_channels,
        layer.kernel_size,  # pyright: ignore[reportArgumentType]
        layer.stride,  # pyright: ignore[reportArgumentType]
        layer.padding,  # pyright: ignore[reportArgumentType]
        layer.dilation,  # pyright: ignore[reportArgumentType]
        layer.groups,
        padding_mode=layer.padding_mode,
        dtype=torch.float64,
    )
    assert layer.bias is not None
    assert joint.bias is not None
    with torch.no_grad():
        joint.weight.copy_(torch.cat([weight, coord_weight], dim=1))
        joint.bias.copy_(layer.bias.abs() if magnitude else layer.bias)
    data.requires_grad_()
    parts = [torch.cat([group, grid], dim=1) for group in data.chunk(layer.groups, dim=1)]
    output = joint(torch.cat(parts, dim=1))
    output.backward(upstream)
    gradients = [data.grad, joint.weight.grad, joint.bias.grad]
    x_gradient, joint_gradient, bias_gradient = [part for part in gradients if part is not None]
    split = [weight.shape[1], coord_weight.shape[1]]
    return [output.detach(), x_gradient, *joint_gradient.split(split, dim=1), bias_gradient]


@st.composite
def cases(draw: st.DrawFn, padding_mode: str) -> tuple[dict, tuple[int, ...], torch.memory_format]:
    """Draw the arguments of a layer, the shape of its input and the memory format."""
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, dilation = draw(pairs), draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = draw(st.one_of(st.integers(0, 2), pairs, st.sampled_from(["same", "valid"])))
    stride = (1, 1) if padding == "same" else draw(pairs)
    size, groups = draw(st.tuples(st.integers(1, 7), st.integers(1, 7))), draw(st.integers(1, 2))
    reach = [step * (n - 1) for step, n in zip(dilation, kernel, strict=True)]
    if padding == "same":
        margins = [(r + 1) // 2 for r in reach]
    else:
        margins = [0, 0] if padding == "valid" else torch.tensor(padding).expand(2).tolist()
    for n, r, margin in zip(size, reach, margins, strict=True):
        assume(padding == "same" or n + 2 * margin > r)
        assume(padding_mode != "reflect" or margin < n)
        assume(padding_mode != "circular" or margin <= n)
    channels = groups * draw(st.integers(1, 2))
    arguments = {
        "in_channels": channels,
        "out_channels": groups * 2,
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "radius": draw(st.booleans()),
    }
    shape = (draw(st.integers(1, 3)), channels, *size)
    return arguments, shape, draw(st.sampled_from([torch.contiguous_format, torch.channels_last]))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("padding_mode", MODES)
@given(draw=st.data(), seed=st.integers(0, 2**16))
@settings(max_examples=12, deadline=None, derandomize=True)  # The same cases in every run.
def test_the_layer_equals_concatenation_forward_and_backward(padding_mode, dtype, draw, seed):
    arguments, shape, memory_format = draw.draw(cases(padding_mode))
    torch.manual_seed(seed)
    layer = CoordConv2d(**arguments, dtype=dtype)
    x = torch.randn(shape).to(dtype, memory_format=memory_format).requires_grad_()
    output = layer(x)
    upstream = torch.randn(output.shape).to(dtype)
    output.backward(upstream)
    assert layer.bias is not None
    parameters = (x, layer.weight, layer.coord_weight, layer.bias)
    actual = [output.detach(), *(p.grad for p in parameters if p.grad is not None)]
    expected = reference(layer, x, upstream, magnitude=False)
    largest = reference(layer, x, upstream, magnitude=True)
    assert len(actual) == len(expected)
    for ours, theirs, bound in zip(actual, expected, largest, strict=True):
        # A rounding error is bounded by the sum of the magnitudes of all terms.
        atol = 8 * torch.finfo(dtype).eps * bound.max().item()
        assert_close(ours.double(), theirs, rtol=0, atol=atol)
