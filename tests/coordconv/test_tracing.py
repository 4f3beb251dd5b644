"""Compiled, exported and on the meta device: sizes stay dynamic."""

import shutil

import pytest
import torch
import torch._inductor.config
from torch import Tensor, nn
from torch.export import Dim
from torch.testing import assert_close

from coordconv import AddCoords, CoordConv2d, CoordConvTranspose2d

MODULES = {
    "zeros": CoordConv2d(3, 4, 3, padding=1),
    "reflect": CoordConv2d(3, 4, 3, padding=1, padding_mode="reflect", radius=True),
    "circular": CoordConv2d(3, 4, 3, padding="same", padding_mode="circular"),
    "replicate": CoordConv2d(3, 4, 3, stride=2, padding=1, padding_mode="replicate"),
    "pointwise": CoordConv2d(3, 4, 1, groups=1, radius=True),
    "groups": CoordConv2d(3, 6, 3, groups=3, convention="pixels"),
    "transposed": CoordConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1),
    "append": AddCoords(convention="wizaron", radius=True),
}
# A strided plain convolution that leaves one row is compiled anew by torch too: two at least.
SIZES = [(5, 7), (9, 4), (4, 30), (17, 17)]


@pytest.fixture(params=MODULES.values(), ids=list(MODULES))
def module(request: pytest.FixtureRequest) -> nn.Module:
    torch._dynamo.reset()
    return request.param


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_compiled_graph_serves_pictures_of_every_size(module, gradients):
    graphs = []

    def count(graph: torch.fx.GraphModule, _: list[Tensor]):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend=count)
    for batch, size in enumerate(SIZES, start=2):
        x = torch.randn(batch, 3, *size)
        with torch.set_grad_enabled(gradients):
            assert_close(compiled(x), module(x))
    assert len(graphs) == 1


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_compiled_or_vectorised_layer_in_half_precision_keeps_its_dtype(kernel):
    layer, x = CoordConv2d(3, 4, kernel, dtype=torch.bfloat16), torch.randn(2, 3, 5, 7)
    for call in (torch.compile(layer, backend="eager"), torch.func.vmap(layer)):
        with torch.no_grad():
            assert call(x.bfloat16()).dtype == torch.bfloat16
        assert call(x.bfloat16()).dtype == torch.bfloat16
    layer = layer.float()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.compile(layer, backend="eager")(x).dtype == torch.bfloat16


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_layer_takes_a_window_per_sample(module):
    x, starts = torch.randn(2, 3, 5, 7), torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="eager")
    for window in ((starts, (9, 20)), ((1, 2), (9, 20))):
        assert_close(compiled(x, window=window), module(x, window=window))


@pytest.mark.filterwarnings("ignore:dynamo_pgo force disabled")
@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler")
def test_the_default_compiler_trains_a_layer_with_symbolic_sizes():
    # One size and no cache: with another, torch 2.13 asserts the strides of the first picture in
    # the backward pass of plain convolutions too.
    torch._dynamo.reset()
    layer = CoordConv2d(3, 4, 3, padding=1, radius=True, dtype=torch.float64)
    x = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    with torch._inductor.config.patch(force_disable_caches=True):
        compiled = torch.compile(layer, fullgraph=True, dynamic=True)
        outputs = compiled(x), layer(x)
        assert_close(*outputs)
        ours, eager = (torch.autograd.grad(y.square().sum(), layer.coord_weight) for y in outputs)
    assert_close(ours, eager)


@pytest.mark.filterwarnings("ignore:dynamo_pgo force disabled")
@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler")
def test_the_default_compiler_trains_a_layer_with_windows_at_changing_sizes():
    torch._dynamo.reset()
    layer = CoordConv2d(3, 4, 3, padding=1, dtype=torch.float64)
    with torch._inductor.config.patch(force_disable_caches=True):
        compiled = torch.compile(layer)
        for size in ((5, 7), (8, 6)):
            x, starts = torch.randn(2, 3, *size, dtype=torch.float64), torch.rand(2, 2)
            outputs = [call(x, window=(starts, (9, 20))) for call in (compiled, layer)]
            assert_close(*outputs)
            ours, eager = (torch.autograd.grad(y.sum(), layer.coord_weight) for y in outputs)
            assert_close(ours, eager)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_module_exported_at_one_size_runs_at_another(module, memory_format):
    example = torch.randn(2, 3, 6, 8).to(memory_format=memory_format)
    axes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    exported = torch.export.export(module, (example,), dynamic_shapes=(axes,)).module()
    for batch, size in enumerate(SIZES, start=1):
        x = torch.randn(batch, 3, *size).to(memory_format=memory_format)
        assert_close(exported(x), module(x))


def test_a_layer_on_the_meta_device_knows_its_shapes_and_can_be_materialised():
    with torch.device("meta"):
        layer = CoordConv2d(3, 4, 3, radius=True)
    assert layer(torch.empty(2, 3, 5, 7, device="meta")).shape == (2, 4, 3, 5)
    layer.to_empty(device="cpu").reset_parameters()
    assert layer(torch.randn(2, 3, 5, 7)).isfinite().all()


class _Ranges(torch.fx.Interpreter):
    """Run a graph, and note floats beyond the span that something else than a division reads."""

    def __init__(self, module):
        super().__init__(module)
        self.beyond = {}

    def run_node(self, n):
        found = super().run_node(n)
        divided = all("div" in str(user.target) for user in n.users)
        is_float = isinstance(found, torch.Tensor) and found.is_floating_point()
        if is_float and not divided and found.abs().max() > 1 + 1e-6:
            self.beyond[n.name] = found.abs().max().item()
        return found


@pytest.mark.parametrize("convention", ["paper", "wizaron", "deepcell", "affine_grid"])
def test_an_exported_graph_has_no_float_beyond_the_span_at_any_size(convention):
    # A static quantizer records ranges at one size, and would cut what grows with the size.
    layer = CoordConv2d(1, 1, 3, padding=1, convention=convention).eval()
    torch.nn.init.constant_(layer.coord_weight, 0.01)
    size = torch.export.Dim.DYNAMIC
    program = torch.export.export(
        layer, (torch.zeros(1, 1, 5, 6),), dynamic_shapes=({2: size, 3: size},)
    )
    ranges = _Ranges(program.module())
    ranges.run(torch.zeros(1, 1, 50, 70))
    assert ranges.beyond == {}
