"""Trained under torch.compile: layers with coordinates work wherever plain ones do."""

import shutil
from collections.abc import Callable

import pytest
import torch
import torch._inductor.cpu_vec_isa
from functorch.compile import make_boxed_func
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd
from torch.fx import GraphModule, Node
from torch.testing import assert_close

from coordconv import CoordConv2d, CoordConv3d, CoordConvTranspose2d, convert

LAYERS = {
    "2-D": lambda: CoordConv2d(3, 8, 3, stride=2, padding=1),
    "3-D": lambda: CoordConv3d(3, 8, 3, stride=2, padding=1),
    "transposed": lambda: CoordConvTranspose2d(3, 8, 3, stride=2, padding=1),
    "pointwise": lambda: CoordConv2d(3, 8, 1, radius=True),
    "radius": lambda: CoordConv2d(3, 8, 3, radius=True, stride=2, padding=1),
}
NORMS = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
SIZES = {2: [(12, 16), (14, 20)], 3: [(6, 8, 4), (5, 4, 6)]}


def takes_compiling_for_exporting() -> bool:
    """Whether this is a version of torch such as 2.7, for which layers are not concatenated."""
    call = torch.compile(lambda x: (x + 1, torch.compiler.is_exporting()), backend="eager")
    return call(torch.zeros(1))[1]


pytestmark = pytest.mark.skipif(
    takes_compiling_for_exporting(), reason="this torch takes compiling for exporting"
)


def is_view(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(one.alias_info is not None for one in schema.returns)


def shared_views(graph: GraphModule) -> list[str]:
    """Return the gradients on which Inductor (torch 2.13) fails if their sizes are symbolic."""
    gradients = [
        node.args[0]
        for node in graph.graph.nodes
        if node.target is torch.ops.aten.convolution_backward.default
    ]
    assert gradients
    return [one.name for one in gradients if is_view(one) and len(one.users) > 1]


def train(
    call: Callable[..., Tensor], model: nn.Module, x: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the output and the gradients of the input and of all parameters."""
    output = call(x)
    return output, torch.autograd.grad(output.square().mean(), [x, *model.parameters()])


def backward_graphs(model: nn.Module, sizes: list[tuple[int, ...]]) -> list[GraphModule]:
    """Return the graphs of the backward passes, after training a compiled model at every size."""
    graphs: list[GraphModule] = []

    def keep(graph: GraphModule, _: list[Tensor]) -> Callable:
        graphs.append(graph)
        return make_boxed_func(graph.forward)

    torch._dynamo.reset()
    backend = aot_autograd(
        fw_compiler=lambda graph, _: make_boxed_func(graph.forward), bw_compiler=keep
    )
    compiled = torch.compile(model, dynamic=True, backend=backend)
    for batch, size in enumerate(sizes, start=2):
        x = torch.randn(batch, 3, *size, requires_grad=True)
        assert_close(train(compiled, model, x), train(model, model, x))
    return graphs


@pytest.mark.parametrize("name", LAYERS)
def test_a_compiler_gets_no_gradient_that_is_a_view_with_a_second_reader(name):
    layer = LAYERS[name]()
    rank = layer.weight.dim() - 2
    (graph,) = backward_graphs(nn.Sequential(layer, NORMS[rank](8), nn.ReLU()), SIZES[rank])
    assert shared_views(graph) == []


def test_so_it_is_before_a_linear_layer():
    model = nn.Sequential(LAYERS["2-D"](), nn.Flatten(), nn.LazyLinear(3))
    model(torch.randn(2, 3, *SIZES[2][0]))
    (graph,) = backward_graphs(model, SIZES[2][:1])
    assert shared_views(graph) == []


@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_tells_neighbors_apart(autocast, dtype):
    layer = CoordConv2d(1, 1, (1, 3), bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.coord_weight.copy_(torch.tensor([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])[None, :, None])
    layer = layer if autocast else layer.to(dtype)
    torch._dynamo.reset()
    with torch.autocast("cpu", dtype, enabled=autocast):
        compiled = torch.compile(layer, backend="aot_eager")
        output = compiled(torch.zeros(1, 1, 2, 4096, dtype=layer.weight.dtype))
    assert output.dtype == dtype
    two_pixels = torch.full_like(output, 2 * 2 / 4095)
    assert_close(output, two_pixels, rtol=2 * torch.finfo(torch.bfloat16).eps, atol=0)


def test_the_gradient_of_windows_passes_through_half_precision():
    torch.manual_seed(0)  # weights that cancel leave more of the rounding
    layer, starts = CoordConv2d(1, 2, 3), torch.zeros(2, 2, requires_grad=True)

    def gradient(call: Callable[..., Tensor], autocast: bool) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            output = call(torch.zeros(2, 1, 6, 7), window=(starts, (40, 50)))
        return torch.autograd.grad(output.float().sum(), starts)[0]

    torch._dynamo.reset()
    ours = gradient(torch.compile(layer, backend="aot_eager"), True)
    exact = gradient(layer, False)
    assert_close(ours, exact, rtol=0, atol=1e-2 * exact.abs().max().item())


def test_the_search_finds_such_a_gradient_of_plain_layers():
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = (nn.Conv2d(3, 8, 3, stride=2, padding=1) for _ in range(2))
            self.norm = nn.InstanceNorm2d(8)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(self.left(x) + self.right(x)).relu()

    (graph,) = backward_graphs(Sum(), SIZES[2])
    assert shared_views(graph) != []


@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler")
def test_the_default_compiler_trains_a_converted_network_of_monai_at_two_sizes(
    monkeypatch: pytest.MonkeyPatch,
):
    networks = pytest.importorskip("monai.networks.nets")
    torch._dynamo.reset()
    network = networks.UNet(2, 1, 2, channels=(4, 8), strides=(2,), num_res_units=0)
    model = convert(network, where="all")
    # g++ takes a third of the time without vector instructions, which change no graph. The setting
    # vec_isa_ok would be remembered by Inductor for the rest of the process.
    monkeypatch.setattr(torch._inductor.cpu_vec_isa, "valid_vec_isa_list", list)
    compiled = torch.compile(model, dynamic=True)
    for batch, size in enumerate(SIZES[2], start=2):
        x = torch.randn(batch, 1, *size, requires_grad=True)
        ours, eager = train(compiled, model, x), train(model, model, x)
        assert_close(ours, eager, rtol=1e-3, atol=1e-5)
