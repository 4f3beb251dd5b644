"""Settings and modes of torch that change a result do not find what was kept without them."""

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.distributed.tensor import (
    Replicate,
    distribute_module,
    distribute_tensor,
    init_device_mesh,
)
from torch.distributed.tensor.experimental import implicit_replication
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

import coordconv
from tests.coordconv.made_anew import anew


@pytest.mark.parametrize("where", ["", "cuda.matmul", "mkldnn", "mkldnn.matmul", "cudnn"])
def test_the_precision_of_torch_can_be_set_in_every_way(where):
    place = torch.backends
    for name in filter(None, where.split(".")):
        place = getattr(place, name, None)
    if not hasattr(place, "fp32_precision"):
        pytest.skip("this version of torch has no such setting")
    layer, x = coordconv.CoordConv2d(2, 3, 3).eval(), torch.randn(1, 2, 6, 7)
    before = place.fp32_precision
    place.fp32_precision = "tf32"
    try:
        with torch.no_grad():
            assert torch.equal(layer(x), anew(lambda: layer(x)))
    finally:
        place.fp32_precision = before


def test_settings_that_change_the_last_bits_make_the_term_anew():
    layer = coordconv.CoordConv2d(16, 48, 5, radius=True).eval()
    small = coordconv.CoordConv2d(2, 2, 1, bias=False, convention="pixels").eval()
    nn.init.zeros_(small.weight)
    nn.init.constant_(small.coord_weight, 1e-39)
    x, y = torch.randn(2, 16, 64, 64), torch.zeros(1, 2, 200, 3)
    with torch.no_grad():
        layer(x), small(y)
        with torch.backends.mkldnn.flags(enabled=False):
            assert torch.equal(layer(x), anew(lambda: layer(x)))
        try:
            if torch.set_flush_denormal(True):
                assert torch.equal(small(y), anew(lambda: small(y)))
        finally:
            torch.set_flush_denormal(False)
        stored = layer.coord_weight.data
        layer.coord_weight.data = stored.movedim(1, -1).contiguous().movedim(-1, 1)
        assert torch.equal(layer(x), anew(lambda: layer(x)))


class _More(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        return output * 1.5 if function is torch.arange else output


def test_a_mode_that_changes_results_changes_only_its_own():
    layer, x = coordconv.CoordConv2d(2, 3, 3).eval(), torch.randn(1, 2, 6, 7)
    right = anew(lambda: layer(x))
    with _More():
        assert not torch.equal(layer(x), right)
    assert torch.equal(layer(x), right)


def test_what_is_traced_before_dispatch_finds_nothing_kept():
    weights = [nn.Parameter(torch.randn(3, 2, 3, 3)) for _ in range(2)]
    x = torch.randn(1, 2, 6, 7)
    with torch.no_grad():
        wanted = coordconv.coord_conv(x, *weights)

        def call(*tensors: Tensor) -> Tensor:
            return coordconv.coord_conv(*tensors)

        graph = make_fx(call, pre_dispatch=True)(x, *weights)
        torch.testing.assert_close(graph(x, *weights), wanted)


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pre_dispatch", [True, False])
def test_a_traced_layer_uses_the_weights_that_it_has_when_it_is_called(
    pre_dispatch, training, gradients
):
    layer, x = coordconv.CoordConv2d(2, 3, 3).train(training), torch.randn(1, 2, 6, 7)
    with torch.set_grad_enabled(gradients):
        layer(x)  # keeps the term
        graph = make_fx(lambda x: layer(x), pre_dispatch=pre_dispatch)(x)
        with torch.no_grad():
            layer.coord_weight.add_(1)
        torch.testing.assert_close(graph(x), layer(x))


@pytest.mark.skipif(
    torch.__version__ < "2.13",
    reason="older versions, such as 2.9, refuse operations of the layer with distributed tensors",
)
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_distributed_tensor_gives_the_same_output(kernel):
    layer, x = coordconv.CoordConv2d(2, 3, kernel).eval(), torch.randn(1, 2, 6, 7)
    with torch.no_grad():
        wanted = layer(x)
        distributed.init_process_group("gloo", rank=0, world_size=1, store=distributed.HashStore())
        try:
            distribute_module(layer, mesh := init_device_mesh("cpu", (1,)))
            with implicit_replication():
                output = layer(distribute_tensor(x, mesh, [Replicate()]))
            torch.testing.assert_close(output.full_tensor(), wanted)
        finally:
            distributed.destroy_process_group()
