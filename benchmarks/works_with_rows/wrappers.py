"""Tools that wrap a model, move it or call it in another way."""

import copy
import os
import tempfile

import torch
from torch import nn

from works_with_rows.registry import Pair, row


@row("torch.nn.DataParallel", "wrappers", "torch")
def data_parallel(model, x):
    return nn.DataParallel(model)


@row("torch.func.functional_call", "wrappers", "torch")
def functional(model, x):
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return lambda x: torch.func.functional_call(model, state, (x,))


@row("torch.func ensemble: stack_module_state and vmap", "wrappers", "torch")
def ensemble(model, x):
    """Call two models at once; each computes what it does by itself."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for one in other.parameters():
            one.mul_(0.5)
    state = torch.func.stack_module_state([model, other])
    base = copy.deepcopy(model)

    def call(parameters, buffers, x):
        return torch.func.functional_call(base, (parameters, buffers), (x,))

    return [
        Pair(
            lambda x: torch.vmap(call, in_dims=(0, 0, None))(*state, x),
            lambda x: torch.stack([model(x), other(x)]),
        )
    ]


@row("torch.utils.checkpoint", "wrappers", "torch")
def checkpointed(model, x):
    from torch.utils.checkpoint import checkpoint

    return _same_gradients(model, lambda x: checkpoint(model, x, use_reentrant=False), x)


def _same_gradients(model, call, x):
    """Return the output of a call together with the gradients that it gives."""

    def both(function):
        def run(x):
            model.zero_grad()
            with torch.enable_grad():
                output = function(x)
                output.square().mean().backward()
            return [output.detach(), *(one.grad.clone() for one in model.parameters())]

        return run

    return [Pair(both(call), both(model))]


@row("torch.autocast, bfloat16", "wrappers", "torch", precision="bfloat16")
def autocast(model, x):
    def run(x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(x)

    return run


@row("model.to(torch.bfloat16)", "wrappers", "torch", precision="bfloat16")
def bfloat16(model, x):
    made = model.to(torch.bfloat16)
    return lambda x: made(x.to(torch.bfloat16))


@row("model.double()", "wrappers", "torch")
def double(model, x):
    made = model.double()
    return lambda x: made(x.double())


@row("channels_last", "wrappers", "torch")
def channels_last(model, x):
    made = model.to(memory_format=torch.channels_last)
    return lambda x: made(x.to(memory_format=torch.channels_last))


@row("torch.nn.SyncBatchNorm.convert_sync_batchnorm", "wrappers", "torch")
def synchronized(model, x):
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)


@row("share_memory and torch.multiprocessing", "wrappers", "torch", forms=("layer",),
     quick=False)  # fmt: skip
def shared(model, x):
    """Another process computes with the memory of this one."""
    model.share_memory()

    def run(x):
        context = torch.multiprocessing.get_context("spawn")
        queue = context.SimpleQueue()
        worker = context.Process(target=_computes, args=(model, x, queue))
        worker.start()
        found = queue.get()
        worker.join()
        return torch.from_numpy(found)

    return run


def _computes(model, x, queue):
    with torch.no_grad():
        queue.put(model(x).numpy())


@row("meta device, to_empty, load_state_dict", "wrappers", "torch")
def materialized(model, x):
    state = copy.deepcopy(model.state_dict())
    made = model.to("meta").to_empty(device="cpu")
    made.load_state_dict(state, strict=True)
    return made


@row("kornia, an augmentation in front", "wrappers", "kornia", quick=False)
def kornia(model, x):
    """A mirrored batch is what the model gets; a layer cannot know where it came from."""
    from kornia.augmentation import RandomHorizontalFlip

    flip = RandomHorizontalFlip(p=1.0)
    return [Pair(torch.nn.Sequential(flip, model), lambda x: model(x.flip(-1)))]


@row("MONAI sliding_window_inference", "wrappers", "monai")
def sliding(model, x):
    """A window as large as the image is the image."""
    from monai.inferers import sliding_window_inference

    return lambda x: sliding_window_inference(x, tuple(x.shape[2:]), 2, model)


@row("DistributedDataParallel, two processes", "wrappers", "torch", forms=("layer", "module"),
     quick=False)  # fmt: skip
def distributed(model, x):
    """A step over halves of a batch in two processes is the step over the batch in one."""
    return _in_two_processes(model, x, "ddp")


@row("FSDP2 fully_shard, two processes", "wrappers", "torch", forms=("layer", "module"),
     quick=False)  # fmt: skip
def sharded(model, x):
    """The same with parameters that are spread over two processes."""
    return _in_two_processes(model, x, "fsdp")


def _in_two_processes(model, x, way):
    from works_with_rows.stepping import stepped

    path = tempfile.mkdtemp()
    before = stepped(copy.deepcopy(model), x)
    context = torch.multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_worker, args=(rank, model, x, way, path)) for rank in range(2)
    ]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    model.load_state_dict(torch.load(f"{path}/state.pt"))
    return [Pair(model, before)]


def _worker(rank, model, x, way, path):
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    from works_with_rows.stepping import step

    os.environ |= {"GLOO_SOCKET_IFNAME": "lo"}
    torch.set_num_threads(1)
    model = copy.deepcopy(model)  # that of the arguments is in memory shared by both processes
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{path}/meeting", rank=rank, world_size=2
    )
    if way == "ddp":
        wrapped = nn.parallel.DistributedDataParallel(model)
    else:
        mesh = torch.distributed.init_device_mesh("cpu", (2,))
        for one in (*model, model):
            fully_shard(one, mesh=mesh)
        wrapped = model
    step(wrapped, x[rank : rank + 1])
    state = {
        name: one.full_tensor() if isinstance(one, DTensor) else one
        for name, one in model.state_dict().items()
    }
    if rank == 0:
        torch.save(state, f"{path}/state.pt")
    torch.distributed.barrier()
    os._exit(0)
