"""Every way to compute a layer equals the definition: append the coordinates, then convolve."""

from typing import Any, get_args

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from coordconv import Placement, coord_conv, coord_conv_transpose
from coordconv.computation import Method
from coordconv.conventions import Convention
from coordconv.functional import append_then_convolve
from coordconv.operations import Convolution, PaddingMode, TransposedConvolution
from coordconv.pixel_positions import Positions


@st.composite
def placements(draw: st.DrawFn, size: tuple[int, ...], batch: int) -> dict[str, Any]:
    """Draw where the pixels are: nowhere special, in a crop, in a flip, per sample, or given."""
    kind = draw(st.sampled_from(["none", "window", "flip", "rows", "coordinates"]))
    rank = len(size)
    if kind == "window":
        return {"window": ((1,) * rank, tuple(n + 3 for n in size))}
    if kind == "flip":
        return {"window": Placement(tuple(n + 2 for n in size)).crop((1,) * rank, size).flip(-1)}
    if kind == "rows":
        return {"window": (torch.arange(batch * rank).view(batch, rank), [n + 9 for n in size])}
    return {"coordinates": torch.randn(rank, *size)} if kind == "coordinates" else {}


@st.composite
def calls(draw: st.DrawFn, rank: int) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    """Draw a function, its operation and the arguments of both."""
    groups, kernel = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    size = tuple(draw(st.integers(2, 5)) for _ in range(rank))
    batch, is_batched = draw(st.integers(1, 3)), draw(st.booleans())
    small = draw(st.integers(1, kernel))
    geometry: dict[str, Any] = {
        "stride": draw(st.integers(1, 2)),
        "padding": draw(st.integers(0, 1)),
    }
    geometry |= {"dilation": draw(st.integers(1, 2)), "groups": groups}
    outputs, data = 2 * groups * draw(st.sampled_from([1, 16])), 2 * groups
    wheres = draw(placements(size, batch if is_batched else 1))
    coordinates = rank
    if draw(st.booleans()) and "coordinates" not in wheres:
        coordinates, wheres["radius"] = rank + 1, True
    wheres["convention"] = draw(st.sampled_from(["paper", "monai", "wizaron"]))
    taps, coord_taps = (kernel,) * rank, (small,) * rank
    if draw(st.booleans()):
        weight = torch.randn(data, outputs // groups, *taps)
        coord_weight = torch.randn(coordinates, outputs, *coord_taps)
        geometry["output_padding"] = 0
        reach = geometry["dilation"] * (kernel - 1) - 2 * geometry["padding"]
        assume(all((n - 1) * geometry["stride"] + reach >= 0 for n in size))
        function, operation = coord_conv_transpose, TransposedConvolution(weight, **geometry)
    else:
        weight = torch.randn(outputs, data // groups, *taps)
        coord_weight = torch.randn(outputs, coordinates, *coord_taps)
        geometry["padding_mode"] = draw(st.sampled_from(get_args(PaddingMode)))
        reach = geometry["dilation"] * (kernel - 1) - 2 * geometry["padding"]
        assume(all(n > reach for n in size))
        function, operation = coord_conv, Convolution(weight, **geometry)
    x = torch.randn(*((batch,) if is_batched else ()), data, *size)
    if rank == 2 and is_batched and draw(st.booleans()):
        x = x.to(memory_format=torch.channels_last)
    tensors = {"x": x, "weight": weight, "coord_weight": coord_weight, "bias": torch.randn(outputs)}
    return function, operation, tensors, geometry | {"wheres": wheres}


def outcome(compute, tensors: dict[str, Tensor]) -> list[Tensor]:
    """Return the output and the gradients of all tensors."""
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in tensors.items()}
    output = compute(**leaves)
    upstream = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view(output.shape)
    return [output, *torch.autograd.grad(output, [*leaves.values()], upstream)]


@pytest.mark.parametrize("rank", [1, 2, 3])
@given(draw=st.data(), seed=st.integers(0, 2**16))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_every_method_equals_the_definition_forward_and_backward(rank, draw, seed):
    torch.manual_seed(seed)
    function, operation, tensors, options = draw.draw(calls(rank))
    wheres = options.pop("wheres")
    positions = Positions.of(
        tensors["x"],
        rank,
        wheres["convention"],
        wheres.get("radius", False),
        wheres.get("window"),
        wheres.get("coordinates"),
    )
    grid = positions.grid(tensors["x"], rank, torch.float64)

    def definition(x: Tensor, weight: Tensor, coord_weight: Tensor, bias: Tensor) -> Tensor:
        return append_then_convolve(operation, x, weight, coord_weight, bias, grid)

    expected = outcome(definition, {name: one.double() for name, one in tensors.items()})
    for method in get_args(Method):
        arguments = options | wheres
        actual = outcome(lambda **each: function(**each, **arguments, method=method), tensors)  # noqa: B023
        for ours, theirs in zip(actual, expected, strict=True):
            assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-4 * len(tensors["bias"]))


def test_the_definition_is_one_operation_on_data_and_appended_coordinates():
    x, weight, coord_weight = (
        torch.randn(2, 3, 4, 5),
        torch.randn(6, 3, 3, 3),
        torch.randn(6, 2, 3, 3),
    )
    grid = Positions(Convention(), False, None, None).grid(x, 2, x.dtype)
    joined = torch.cat([x, grid.expand(2, -1, -1, -1)], dim=1)
    expected = torch.nn.functional.conv2d(joined, torch.cat([weight, coord_weight], dim=1))
    operation = Convolution(weight, 1, 0, 1, 1, "zeros")
    assert torch.equal(
        append_then_convolve(operation, x, weight, coord_weight, None, grid), expected
    )
