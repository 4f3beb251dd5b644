"""A conversion inside a wrapper works or raises an error and does not change the model."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.nn.parallel import DataParallel, DistributedDataParallel, replicate
from torch.utils.mkldnn import to_mkldnn

from coordconv import CoordConv2d, convert, precompute, revert
from coordconv.conversion import Report
from coordconv.layers.coordinates import CoordinateLayer

INPUT = torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))


class Chain(nn.Sequential):
    """A sequence with a custom forward, because Dynamo does not compile that of torch."""

    def forward(self, input: Tensor) -> Tensor:
        for part in self:
            input = part(input)
        return input


def network() -> nn.Sequential:
    return Chain(Chain(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()), nn.ConvTranspose2d(4, 2, 2))


def used(model: nn.Module) -> nn.Module:
    """Return the model with nonzero coordinate weights."""
    for name, parameter in model.named_parameters():
        if name.endswith("coord_weight"):
            nn.init.normal_(parameter)
    return model


def described(model: nn.Module) -> list[object]:
    """Return the state that must be the same after an error."""
    modules = [(name, type(one), sorted(vars(one))) for name, one in model.named_modules()]
    return [*modules, *[(name, id(one)) for name, one in model.named_parameters()]]


def assert_refused(change, model: nn.Module, said: str, **options) -> None:
    before = described(model)
    with pytest.raises(ValueError, match=said):
        change(model, **options)
    assert described(model) == before


@pytest.fixture(scope="module", autouse=True)
def group():
    """Create a process group with only this process."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


PARTS = {
    "the wrapper": lambda wrapper, model: wrapper,
    "the model inside": lambda wrapper, model: model,
    "a part of it": lambda wrapper, model: model[0],
    "a layer": lambda wrapper, model: model[0][0],
    "something around it": lambda wrapper, model: nn.ModuleDict({"student": wrapper}),
}


@pytest.mark.parametrize("part", PARTS)
def test_distributed_data_parallel_raises_an_error_inside_and_around(part):
    model = network()
    wrapper = DistributedDataParallel(model)
    assert_refused(convert, PARTS[part](wrapper, model), "DistributedDataParallel.*then wrap")


@pytest.mark.parametrize("part", PARTS)
def test_removing_weights_from_distributed_data_parallel_raises_an_error(part):
    model = convert(network())
    wrapper = DistributedDataParallel(model)
    assert_refused(revert, PARTS[part](wrapper, model), "DistributedDataParallel.*then wrap")


def test_a_deleted_wrapper_is_ignored():
    model = network()
    wrapper = DistributedDataParallel(model)
    wrapper.myself = [wrapper]  # A cycle, so only gc.collect() deletes it.
    del wrapper
    convert(model)
    assert isinstance(model[0][0], CoordConv2d)


def test_another_model_may_be_wrapped():
    wrapper = DistributedDataParallel(network())
    model, reports = nn.ModuleList([wrapper, network()]), []
    convert(model, where="all", report=reports.append)
    assert [change.name for change in reports[0].converted] == ["1.0.0", "1.1"]
    assert all("DistributedDataParallel" in change.reason for change in reports[0].skipped)


def test_the_model_inside_can_be_folded_but_not_the_wrapper():
    model = used(convert(network()))
    wrapper = DistributedDataParallel(model)
    torch.testing.assert_close(precompute(model, INPUT)(INPUT), model(INPUT))
    with pytest.raises(ValueError, match="pass the model inside"):
        precompute(wrapper, INPUT)


TWO_PROCESSES = """
import os, sys, torch
from torch import distributed, nn
from coordconv import convert

rank, folder = int(sys.argv[1]), sys.argv[2]
distributed.init_process_group(
    "gloo", store=distributed.FileStore(f"{folder}/store", 2), rank=rank, world_size=2
)
torch.manual_seed(0)
model = convert(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 1, 1)))
torch.manual_seed(rank)
wrapper = nn.parallel.DistributedDataParallel(model)
wrapper(torch.randn(4, 1, 8, 8)).square().mean().backward()
torch.save({name: one.grad for name, one in model.named_parameters()}, f"{folder}/{rank}.pt")
distributed.barrier()
os._exit(0)
"""


def test_gradients_are_averaged_if_the_model_is_converted_first(tmp_path):
    command = [sys.executable, "-c", TWO_PROCESSES]
    processes = [subprocess.Popen([*command, str(rank), str(tmp_path)]) for rank in range(2)]
    assert [one.wait(timeout=120) for one in processes] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert first["0.coord_weight"].count_nonzero() > 0
    for name, gradient in first.items():
        torch.testing.assert_close(gradient, second[name], rtol=0, atol=0)


def sharded(model: nn.Module) -> nn.Module:
    mesh = distributed.init_device_mesh("cpu", (1,))
    return fully_shard(model, mesh=mesh)  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("called", [False, True])
def test_fully_shard_raises_an_error_inside_and_around(part, called):
    model = network()
    wrapper = sharded(model)
    if called:  # Parameters are unsharded until the backward pass.
        wrapper(INPUT)
    assert_refused(convert, PARTS[part](wrapper, model), "fully_shard")


def test_a_layer_that_is_sharded_itself_raises_an_error():
    model = network()
    sharded(model[0][0])
    assert_refused(convert, model, "fully_shard")


def test_a_model_that_is_converted_first_can_be_sharded_and_trained():
    model, plain = convert(network()), network()
    plain.load_state_dict(model.state_dict(), strict=False)
    wrapper = sharded(model)
    torch.testing.assert_close(wrapper(INPUT), plain(INPUT))
    wrapper(INPUT).square().mean().backward()
    assert model[0][0].coord_weight.grad.full_tensor().count_nonzero() > 0
    assert_refused(revert, wrapper, "fully_shard")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("originals", [False, True])
def test_fully_sharded_data_parallel_raises_an_error_inside_and_around(part, originals):
    model = network()
    wrapper = FullyShardedDataParallel(
        model, use_orig_params=originals, device_id=torch.device("cpu")
    )
    assert_refused(convert, PARTS[part](wrapper, model), "FullyShardedDataParallel|fully_shard")


class DeepSpeedEngine(nn.Module):
    """A stand-in with the name and structure of the engine of DeepSpeed."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.module = model


def test_a_deepspeed_engine_raises_an_error():
    assert_refused(convert, DeepSpeedEngine(network()), "deepspeed.initialize")


def test_a_replica_of_data_parallel_computes_the_same(monkeypatch):
    copies = lambda tensors, devices, detach=False: [  # noqa: E731
        [one.detach() if detach else one * 1 for one in tensors] for _ in devices
    ]
    module = sys.modules[replicate.__module__]
    monkeypatch.setattr(module, "_broadcast_coalesced_reshape", copies)
    monkeypatch.setattr(module, "_get_device_index", lambda device, optional: device)
    model = convert(network(), where="all")
    assert convert(DataParallel(model)).module is model
    used(model)
    replicas = replicate(model, [0, 1])
    assert len(replicas) == 2
    for replica in replicas:
        torch.testing.assert_close(replica(INPUT), model(INPUT), rtol=0, atol=0)
    sum(replica(INPUT).sum() for replica in replicas).backward()
    assert model[0][0].coord_weight.grad.count_nonzero() > 0


def compiled(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="aot_eager", fullgraph=True)  # pyright: ignore


def compiled_in_place(model: nn.Module) -> nn.Module:
    model.compile(backend="aot_eager", fullgraph=True)
    return model


def compiled_inside(model: nn.Module) -> nn.Module:
    model.get_submodule("0").compile(backend="aot_eager", fullgraph=True)
    return model


@pytest.mark.parametrize("compile", [compiled, compiled_in_place, compiled_inside])
def test_a_compiled_model_follows_every_conversion(compile):
    torch.compiler.reset()
    model = network()
    wrapper = compile(model)
    before = wrapper(INPUT)
    convert(wrapper, where="all")
    torch.testing.assert_close(wrapper(INPUT), before, rtol=0, atol=0)
    used(model)
    expected = copy.deepcopy(model)(INPUT)
    assert not torch.equal(expected, before)
    torch.testing.assert_close(wrapper(INPUT), expected)
    wrapper(INPUT).square().sum().backward()
    assert all(one.grad.count_nonzero() > 0 for one in model.parameters())
    revert(wrapper, discard=True)
    torch.testing.assert_close(wrapper(INPUT), before, rtol=0, atol=0)


GRAPHS = {
    "traced": lambda model: torch.jit.trace(model, INPUT),
    "scripted": torch.jit.script,
    "frozen": lambda model: torch.jit.freeze(torch.jit.script(model.eval())),
    "exported": lambda model: torch.export.export(model, (INPUT,)).module(),
}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("where", ["first", "all", "0.0"])
@pytest.mark.filterwarnings("ignore")
def test_a_traced_scripted_or_exported_model_raises_an_error(graph, where):
    with pytest.raises(ValueError, match=r"ScriptModule|GraphModule"):
        convert(GRAPHS[graph](network()), where)


def test_mkldnn_layers_raise_an_error():
    with pytest.raises(ValueError, match="MkldnnConv2d is part of a torch"):
        convert(to_mkldnn(network().eval()))


@pytest.mark.parametrize("graph", ["traced", "exported"])
@pytest.mark.filterwarnings("ignore")
def test_coordinate_layers_in_a_graph_raise_an_error(graph):
    traced = GRAPHS[graph](convert(network()))
    for change in (revert, lambda model: precompute(model, INPUT)):
        with pytest.raises(ValueError, match=r"'0\.0': part of a graph"):
            change(traced)


@pytest.mark.filterwarnings("ignore")
def test_first_does_not_skip_a_traced_convolution():
    mixed = nn.Sequential(torch.jit.trace(network(), INPUT), nn.Conv2d(2, 2, 1))
    with pytest.raises(ValueError, match=r"'0.0.0'.*before tracing"):
        convert(mixed)
    reports: list[Report] = []
    convert(mixed, where="all", report=reports.append)
    assert [change.name for change in reports[0].converted] == ["1"]


def test_a_graph_that_calls_its_layers_follows_the_conversion():
    model = torch.fx.symbolic_trace(network())
    before = model(INPUT)
    convert(model, where="all")
    torch.testing.assert_close(model(INPUT), before, rtol=0, atol=0)
    assert not torch.equal(used(model)(INPUT), before)
    revert(model, discard=True)
    torch.testing.assert_close(model(INPUT), before, rtol=0, atol=0)


def test_a_graph_that_only_reads_the_weights_of_a_layer_raises_an_error():
    graph = torch.fx.Graph()
    weight = graph.create_node("get_attr", "0.0.weight")
    graph.output(graph.call_function(nn.functional.conv2d, (graph.placeholder("x"), weight)))
    model = torch.fx.GraphModule({"0.0.weight": nn.Parameter(torch.randn(4, 3, 3, 3))}, graph)
    model.set_submodule("0.0", network()[0][0])
    assert_refused(convert, model, "does not call it")


def test_a_functional_module_raises_an_error():
    make_functional = pytest.importorskip("functorch").make_functional
    with pytest.warns(FutureWarning):
        functional, _ = make_functional(network())
    assert_refused(convert, functional, "before calling make_functional")


def test_a_recorded_cuda_graph_raises_an_error():
    def replayed(input: Tensor) -> Tensor:
        return input

    replayed.__module__ = "torch.cuda.graphs"  # Set by make_graphed_callables.
    model = network()
    model[0].forward = replayed
    assert_refused(convert, model, "make_graphed_callables")


@pytest.mark.parametrize("where", ["first", "all"])
def test_hooks_of_accelerate_work_or_raise_an_error(where):
    accelerate = pytest.importorskip("accelerate")
    offloaded = accelerate.cpu_offload(network(), execution_device=torch.device("cpu"))
    assert_refused(convert, offloaded, "remove_hook_from_module", where=where)
    whole = accelerate.cpu_offload(
        network(), torch.device("cpu"), preload_module_classes=["Sequential"]
    )
    assert_refused(convert, whole, "remove_hook_from_module", where=where)
    model = network()
    accelerate.hooks.add_hook_to_module(
        model, accelerate.hooks.AlignDevicesHook("cpu", io_same_device=True)
    )
    before = model(INPUT)
    convert(model, where)
    torch.testing.assert_close(model(INPUT), before, rtol=0, atol=0)


def test_a_call_during_a_conversion_uses_a_finished_layer():
    layer, seen = nn.Conv2d(3, 4, 3), []
    before = layer(INPUT)

    def call(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        seen.append(module(INPUT))

    with nn.modules.module.register_module_parameter_registration_hook(call):
        convert(layer)
    assert isinstance(layer, CoordinateLayer)
    for output in [*seen, layer(INPUT)]:
        torch.testing.assert_close(output, before, rtol=0, atol=0)
    assert seen
