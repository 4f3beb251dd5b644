"""The coordinate term from tables and from factors is the convolution of the coordinates."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import assume, given, settings
from torch import Tensor
from torch.nn.functional import conv2d
from torch.testing import assert_close

import coordconv
from coordconv import CONVENTIONS
from coordconv.computation.compiled_terms import looked_up_term
from coordconv.computation.geometry import FactoredTaps, joint_taps_of, taps_by_axis
from coordconv.computation.terms import FactoredTerm, PointwiseTerm, SeparableTerm
from coordconv.operations import Convolution
from coordconv.pixel_positions import Positions


@st.composite
def calls(draw):
    """Return an operation, an input, coordinate weights and positions."""
    rank = draw(st.integers(1, 3))

    def each(values):
        return tuple(draw(values) for _ in range(rank))

    kernel, dilation = each(st.integers(1, 4)), each(st.integers(1, 2))
    size = each(st.integers(1, 9))
    small = tuple(draw(st.integers(1, k)) for k in kernel)
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    padding = tuple(draw(st.integers(0, min(4, n - 1) if mode != "zeros" else 4)) for n in size)
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    assume(all(n + 2 * p > r for n, p, r in zip(size, padding, reach, strict=True)))
    weight = torch.zeros(3, 1, *kernel)
    operation = Convolution(weight, each(st.integers(1, 3)), padding, dilation, 1, mode)
    x = torch.zeros(1, 1, *size, dtype=torch.float64)
    torch.manual_seed(draw(st.integers(0, 5)))
    coord_weight = torch.randn(3, rank, *small, dtype=torch.float64)
    convention = draw(st.sampled_from(sorted(CONVENTIONS)))
    positions = Positions.of(x, rank, convention, False, None, None)
    return operation, x, coord_weight, positions


def convolved(operation: Convolution, x: Tensor, coord_weight: Tensor, positions) -> Tensor:
    grid = positions.grid(x, operation.rank, torch.float64)
    return operation(grid.unsqueeze(0), operation.full_size(coord_weight), None, 1)[0]


@given(calls(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_term_from_tables_is_the_convolution_of_the_coordinates(call, channels_last):
    operation, x, coord_weight, positions = call
    expected = convolved(*call)
    edges = [sum(operation.edges(axis)) for axis in range(operation.rank)]
    assume(all(n > edge for n, edge in zip(expected.shape[1:], edges, strict=True)))
    kernel = coord_weight.shape[2:]
    taps, own_axes = taps_by_axis(operation, x, kernel, positions, torch.float64)
    found = looked_up_term(operation, coord_weight, taps, own_axes, channels_last=channels_last)
    assert_close(found, expected)


@pytest.mark.parametrize("channels_last", [True, False])
def test_tables_are_on_the_device_of_the_weights(channels_last):
    weight = torch.zeros(4, 2, 3, 3, device="meta")
    operation = Convolution(torch.zeros(4, 1, 3, 3), 1, 1, 1, 1, "zeros")
    taps = [torch.zeros(2, 9, 3, device="meta")] * 2
    found = looked_up_term(operation, weight, taps, (1, 0), channels_last=channels_last)
    assert found.device.type == "meta"
    assert found.shape == (4, 9, 9)


@given(calls(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_term_from_factors_is_the_convolution_of_the_coordinates(call, channels_last):
    operation, x, coord_weight, positions = call
    channels_last = channels_last and operation.rank > 1
    arguments = operation, x, coord_weight.shape[2:], positions, torch.float64
    taps = joint_taps_of(*arguments, channels_last=channels_last)
    kind = FactoredTerm if isinstance(taps, FactoredTaps) else SeparableTerm
    weight = coord_weight.requires_grad_()
    found, expected = kind(taps, 3).of(weight).product(), convolved(*call)
    assert_close(found, expected)
    upstream = torch.randn_like(found)
    (gradient,) = torch.autograd.grad(expected, weight, upstream)
    assert_close(kind(taps, 3).weight_gradient(upstream, weight.shape), gradient)


@pytest.mark.parametrize("size", [(32, 32), (31, 37), (48, 30)])
def test_a_pointwise_gradient_in_several_products_is_that_of_the_convolution(size):
    grid = torch.randn(2, *size, dtype=torch.float64)
    weight = torch.randn(96, 2, 1, 1, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(1, 96, *size, dtype=torch.float64)
    (expected,) = torch.autograd.grad(conv2d(grid[None], weight), weight, upstream)
    term = PointwiseTerm(grid, 96, channels_last=True)
    upstream = upstream.to(memory_format=torch.channels_last)
    assert_close(term.weight_gradient(upstream, weight.shape), expected)
    expanded = torch.ones((), dtype=torch.float64).expand(1, 96, *size)  # as of a sum
    (expected,) = torch.autograd.grad(conv2d(grid[None], weight), weight, expanded)
    assert_close(term.weight_gradient(expanded, weight.shape), expected)


@pytest.mark.parametrize(
    ("kernel", "stride", "columns"), [(3, 1, (4, 4)), (5, 1, (6, 6)), (7, 2, (5, 5))]
)
def test_factors_have_two_columns_and_one_for_each_pixel_in_a_margin(kernel, stride, columns):
    weight, x = torch.zeros(1, 1, kernel, kernel), torch.zeros(1, 1, 32, 32)
    operation = Convolution(weight, stride, kernel // 2, 1, 1, "zeros")
    positions = Positions.of(x, 2, "paper", False, None, None)
    arguments = operation, x, weight.shape[2:], positions, torch.float32
    taps = joint_taps_of(*arguments, channels_last=False)
    assert (taps.one.shape[1], taps.others.shape[1]) == columns


@pytest.mark.skipif(
    torch.__version__ < "2.13",
    reason="older versions, such as 2.9, report every compilation as an export",
)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(9, 12), (2, 12)], ids=["tables", "no pixel between margins"])
def test_a_compiled_layer_uses_tables_only_if_a_pixel_is_between_the_margins(memory_format, size):
    torch._dynamo.reset()
    names: set[str] = set()

    def recorded(graph: torch.fx.GraphModule, _: list[Tensor]):
        names.update(str(node.target) for node in graph.graph.nodes)
        return graph.forward

    layer = coordconv.CoordConv2d(3, 6, 3, padding=1).to(memory_format=memory_format).eval()
    x = torch.randn(2, 3, *size).to(memory_format=memory_format)
    with torch.no_grad():
        assert_close(torch.compile(layer, fullgraph=True, backend=recorded)(x), layer(x))
    assert any("index_select" in name for name in names) == (size == (9, 12))


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(("rank", "images"), [(2, 3), (3, 1)])
@pytest.mark.parametrize("dynamic", [False, True])
def test_inductor_computes_the_term_of_a_layer_in_evaluation(kernel, rank, images, dynamic):
    torch._dynamo.reset()
    kind = getattr(coordconv, f"CoordConv{rank}d")
    layer = kind(2, 5, kernel, padding=kernel // 2).eval()
    block = torch.nn.Sequential(layer, torch.nn.ReLU())
    compiled = torch.compile(block, fullgraph=True, dynamic=dynamic)
    with torch.no_grad():
        for size in ((7, 6, 5), (5, 9, 6))[: 1 + dynamic]:
            x = torch.randn(images, 2, *size[:rank])
            assert_close(compiled(x), block(x))
