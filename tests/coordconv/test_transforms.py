"""The layers under everything that torch does to modules: transforms, tracing, wrapping."""

import copy
import os

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jvp, stack_module_state, vmap
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

import coordconv
from coordconv import AddCoords, CoordConv2d

LAYERS = [f"CoordConv{kind}{rank}d" for kind in ("", "Transpose") for rank in (1, 2, 3)]
KERNELS = [1, 3]  # The coordinate term is computed in two ways.
METHODS = ["separate", "concatenate"]


def make(name, kernel=3, dtype=torch.float64, **options):
    return getattr(coordconv, name)(3, 4, kernel, padding=kernel // 2, dtype=dtype, **options)


def picture(name, batch=2):
    return torch.randn(batch, 3, *(5, 4, 3)[: int(name[-2])], dtype=torch.float64)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", LAYERS)
def test_an_ensemble_under_vmap_computes_what_its_members_compute(name, kernel, radius, method):
    members = [make(name, kernel, radius=radius, method=method) for _ in range(3)]
    parameters, _ = stack_module_state(members)
    bare = copy.deepcopy(members[0]).to("meta")
    x = picture(name)
    together = vmap(lambda p: functional_call(bare, p, (x,)))(parameters)
    assert_close(together, torch.stack([member(x) for member in members]))

    def loss(p):
        return functional_call(bare, p, (x,)).square().sum()

    gradients = vmap(grad(loss))(parameters)
    for number, member in enumerate(members):
        member(x).square().sum().backward()
        assert_close(gradients["coord_weight"][number], member.coord_weight.grad)


@pytest.mark.parametrize("batch", [1, 3])
def test_only_the_coordinate_weights_may_be_batched(batch):
    layer, x = make("CoordConv2d"), picture("CoordConv2d", batch)
    weights = torch.randn(5, *layer.coord_weight.shape, dtype=torch.float64)
    together = vmap(lambda w: functional_call(layer, {"coord_weight": w}, (x,)))(weights)
    alone = [functional_call(layer, {"coord_weight": w}, (x,)) for w in weights]
    assert_close(together, torch.stack(alone))


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", LAYERS)
def test_the_directional_derivative_is_that_of_a_small_step(name, kernel, batch):
    layer, x = make(name, kernel), picture(name, batch)
    parameters = dict(layer.named_parameters())
    step = {key: torch.randn_like(value) for key, value in parameters.items()}

    def function(p):
        return functional_call(layer, p, (x,))

    _, tangent = jvp(function, (parameters,), (step,))
    moved = {key: value + step[key] for key, value in parameters.items()}
    # The layer is affine in its parameters: a whole step is as good as a small one.
    assert_close(tangent, function(moved) - function(parameters))
    with torch.autograd.forward_ad.dual_level():
        dual = {k: torch.autograd.forward_ad.make_dual(v, step[k]) for k, v in parameters.items()}
        assert_close(torch.autograd.forward_ad.unpack_dual(function(dual)).tangent, tangent)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_tangent_of_only_the_coordinate_weights_reaches_the_output(kernel, batch):
    layer, x = make("CoordConv2d", kernel), picture("CoordConv2d", batch)
    step = torch.randn_like(layer.coord_weight)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(layer.coord_weight, step)
        output = functional_call(layer, {"coord_weight": dual}, (x,))
        tangent = torch.autograd.forward_ad.unpack_dual(output).tangent
    moved = functional_call(layer, {"coord_weight": layer.coord_weight + step}, (x,))
    assert_close(tangent, moved - layer(x))


@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_first_and_second_derivatives_are_those_of_finite_differences(kernel, radius, batch, last):
    layer = CoordConv2d(1, 2, kernel, padding=kernel // 2, radius=radius, dtype=torch.float64)
    memory_format = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(batch, 1, 2, 3, dtype=torch.float64).to(memory_format=memory_format)
    names = [name for name, _ in layer.named_parameters()]
    inputs = (x.requires_grad_(), *(p.detach().requires_grad_() for p in layer.parameters()))

    def function(x, *parameters):
        output = functional_call(layer, dict(zip(names, parameters, strict=True)), (x,))
        return output.tanh()  # The layer by itself has no second derivative to get wrong.

    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_tangent_of_only_the_coordinates_reaches_the_output(kernel, batch):
    layer, x = make("CoordConv2d", kernel), picture("CoordConv2d", batch)
    at, step = torch.randn(2, 2, *x.shape[2:], dtype=torch.float64)
    with torch.autograd.forward_ad.dual_level():
        output = layer(x, coordinates=torch.autograd.forward_ad.make_dual(at, step))
        tangent = torch.autograd.forward_ad.unpack_dual(output).tangent
    assert_close(tangent, layer(x, coordinates=at + step) - layer(x, coordinates=at))


@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_batch_of_gradients_equals_the_gradients_one_by_one(kernel, batch, last):
    layer = CoordConv2d(2, 3, kernel, dtype=torch.float64)
    memory_format = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(batch, 2, 5, 6, dtype=torch.float64).to(memory_format=memory_format)
    for _ in range(2):  # The second call finds what the first one kept.
        output, parameters = layer(x), [*layer.parameters()]
        upstream = torch.randn(4, *output.shape, dtype=torch.float64)
        together = torch.autograd.grad(
            output, parameters, upstream, retain_graph=True, is_grads_batched=True
        )
        alone = [
            torch.autograd.grad(output, parameters, one, retain_graph=True) for one in upstream
        ]
        for ours, expected in zip(together, zip(*alone, strict=True), strict=True):
            assert_close(ours, torch.stack(expected))


@pytest.mark.parametrize("name", LAYERS)
def test_activation_checkpointing_changes_no_gradient(name):
    model = nn.Sequential(make(name), nn.ReLU(), getattr(coordconv, name)(4, 2, 1).double())
    x = picture(name).requires_grad_()
    plain = torch.autograd.grad(model(x).sum(), [x, *model.parameters()])
    kept = checkpoint(model, x, use_reentrant=False)
    assert_close(torch.autograd.grad(kept.sum(), [x, *model.parameters()]), plain)


@pytest.mark.parametrize("name", LAYERS)
def test_symbolic_tracing_keeps_the_layer_as_one_call_that_takes_other_sizes(name):
    model = nn.Sequential(AddCoords(), make(name), nn.ReLU())
    model[1] = getattr(coordconv, name)(3 + int(name[-2]), 4, 3, padding=1).double()
    graph = torch.fx.symbolic_trace(model)
    for batch in (1, 3):
        x = picture(name, batch)
        assert_close(graph(x), model(x))
    x = picture(name).repeat_interleave(2, dim=-1)
    assert_close(graph(x), model(x))


# The older tracer warns that it takes sizes for constants, and that it is no longer developed.
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_a_trace_by_example_computes_the_same(name):
    layer, x = make(name), picture(name)
    assert_close(torch.jit.trace(layer, (x,))(x), layer(x))
    square = x[..., :3, :3, :3] if x.dim() == 5 else x[..., :4, :4] if x.dim() == 4 else x
    assert_close(torch.jit.trace(layer, (square,))(x), layer(x))


def _average_gradients(rank: int, folder: str, layer: nn.Module, x: torch.Tensor) -> None:
    store = torch.distributed.FileStore(f"{folder}/store", 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    model = nn.parallel.DistributedDataParallel(layer)
    model(x.chunk(2)[rank]).square().mean().backward()
    torch.save([p.grad for p in layer.parameters()], f"{folder}/{rank}.pt")
    torch.distributed.barrier()
    # Nothing is torn down: right after a backward pass torch (2.13) can wait for ever there, for a
    # thread of gloo that waits for the lock of Python.
    os._exit(0)


@pytest.mark.slow("processes")
@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_two_processes_get_the_gradients_of_one(tmp_path):
    layer = nn.Sequential(make("CoordConv2d"), nn.ReLU(), CoordConv2d(4, 2, 1).double())
    x = picture("CoordConv2d", batch=4)
    arguments = (str(tmp_path), copy.deepcopy(layer), x)
    torch.multiprocessing.spawn(_average_gradients, arguments, nprocs=2)
    layer(x).square().mean().backward()
    expected = [parameter.grad for parameter in layer.parameters()]
    for rank in range(2):
        assert_close(torch.load(tmp_path / f"{rank}.pt", weights_only=True), expected)
