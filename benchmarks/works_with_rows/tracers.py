"""Tracers and compilers of torch itself."""

import io

import torch

from works_with_rows.registry import row


@row("torch.jit.trace", "tracers and compilers", "torch")
def trace(model, x):
    return torch.jit.trace(model, x)


@row("torch.jit.trace, saved and loaded", "tracers and compilers", "torch")
def trace_saved(model, x):
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(model, x), file)
    file.seek(0)
    return torch.jit.load(file)


@row("torch.jit.script", "tracers and compilers", "torch")
def script(model, x):
    return torch.jit.script(model)


@row("torch.jit.freeze of a trace", "tracers and compilers", "torch")
def freeze(model, x):
    return torch.jit.freeze(torch.jit.trace(model, x))


@row("torch.jit.optimize_for_inference of a trace", "tracers and compilers", "torch")
def optimize_for_inference(model, x):
    return torch.jit.optimize_for_inference(torch.jit.trace(model, x))


@row("torch.fx.symbolic_trace", "tracers and compilers", "torch")
def fx(model, x):
    return torch.fx.symbolic_trace(model)


@row("torch.fx proxy_tensor.make_fx", "tracers and compilers", "torch")
def make_fx(model, x):
    from torch.fx.experimental.proxy_tensor import make_fx

    return make_fx(model, tracing_mode="symbolic")(x)


@row("torch.compile, Inductor", "tracers and compilers", "torch", quick=False)
def inductor(model, x):
    return torch.compile(model, dynamic=True)


@row("torch.compile, aot_eager", "tracers and compilers", "torch")
def aot_eager(model, x):
    return torch.compile(model, backend="aot_eager", dynamic=True)


@row("torch.export", "tracers and compilers", "torch")
def export(model, x):
    return _exported(model, x).module()


@row("torch.export, run_decompositions", "tracers and compilers", "torch")
def decomposed(model, x):
    return _exported(model, x).run_decompositions().module()


@row("torch.export, saved and loaded", "tracers and compilers", "torch")
def export_saved(model, x):
    file = io.BytesIO()
    torch.export.save(_exported(model, x), file)
    file.seek(0)
    return torch.export.load(file).module()


@row("AOTInductor", "tracers and compilers", "torch", quick=False)
def aot_inductor(model, x):
    import os
    import tempfile

    os.environ["AOTI_RUNTIME_CHECK_INPUTS"] = "1"  # else a program takes sizes it is not made for
    with torch.no_grad():
        package = tempfile.mkdtemp() + "/model.pt2"
        torch._inductor.aoti_compile_and_package(_exported(model, x), package_path=package)
    return torch._inductor.aoti_load_package(package)


def _exported(model, x):
    """Export for every batch and every size; for the one size of a folded model otherwise."""
    dim = torch.export.Dim.DYNAMIC
    sizes = ({0: dim, 2: dim, 3: dim},)
    if any("coord_map" in name for name, _ in model.named_buffers()):
        sizes = ({0: dim},)
    return torch.export.export(model, (x,), dynamic_shapes=sizes)


@row("torch.utils.mkldnn.to_mkldnn", "tracers and compilers", "torch")
def mkldnn(model, x):
    from torch.utils import mkldnn

    made = mkldnn.to_mkldnn(model)
    return lambda x: made(x.to_mkldnn()).to_dense()
