"""Ways out of torch: files for other runtimes, run there and compared."""

import tempfile

import torch

from works_with_rows.onnx_files import file_of, is_folded, quiet, session_of
from works_with_rows.registry import row

ONNX = ("onnx", "onnxruntime", "onnxscript")


@row("torch.onnx.export, dynamo=True", "exporters", *ONNX, quick=False)
def onnx_dynamo(model, x):
    return session_of(file_of(model, x))


@row("torch.onnx.export, dynamo=False", "exporters", *ONNX)
def onnx_trace(model, x):
    return session_of(file_of(model, x, dynamo=False))


@row("coordconv.export.to_onnx", "exporters", *ONNX, quick=False)
def our_own(model, x):
    from coordconv.export import to_onnx

    path = tempfile.mkdtemp() + "/model.onnx"
    with quiet():
        to_onnx(model, x, path, dynamic="batch" if is_folded(model) else "batch_and_size")
    return session_of(path)


@row("onnx.shape_inference", "exporters", *ONNX, quick=False)
def shape_inference(model, x):
    import onnx

    inferred = onnx.shape_inference.infer_shapes(
        onnx.load_from_string(file_of(model, x)), check_type=True, strict_mode=True
    )
    return session_of(inferred.SerializeToString())


@row("onnx.reference", "exporters", *ONNX, quick=False)
def reference(model, x):
    import onnx
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_from_string(file_of(model, x)))
    return lambda x: evaluator.run(None, {"x": x.numpy()})


@row("onnxsim", "exporters", "onnxsim", *ONNX)
def simplified(model, x):
    import onnx
    import onnxsim

    with quiet():
        made, proven = onnxsim.simplify(onnx.load_from_string(file_of(model, x)))
    assert proven
    return session_of(made.SerializeToString())


@row("onnxslim", "exporters", "onnxslim", *ONNX)
def slimmed(model, x):
    import onnx
    import onnxslim

    with quiet():
        made = onnxslim.slim(onnx.load_from_string(file_of(model, x)))
    return session_of(made.SerializeToString())


@row("onnxconverter-common float16", "exporters", "onnxconverter-common", *ONNX, precision="half")
def half(model, x):
    import onnx
    from onnxconverter_common import float16

    made = float16.convert_float_to_float16(
        onnx.load_from_string(file_of(model, x)), keep_io_types=True
    )
    return session_of(made.SerializeToString())


@row("onnx2torch", "exporters", "onnx2torch", *ONNX)
def back_to_torch(model, x):
    import onnx
    import onnx2torch

    made = onnx2torch.convert(onnx.load_from_string(file_of(model, x, dynamo=False, opset=17)))
    return made.eval()


@row("OpenVINO, from a trace", "exporters", "openvino")
def openvino_trace(model, x):
    return _compiled(torch.jit.trace(model, x), model, x)


@row("OpenVINO, from the module", "exporters", "openvino")
def openvino_module(model, x):
    return _compiled(model, model, x)


@row("OpenVINO, from torch.export", "exporters", "openvino")
def openvino_export(model, x):
    dim = torch.export.Dim.DYNAMIC
    sizes = {0: dim} if is_folded(model) else {0: dim, 2: dim, 3: dim}
    return _compiled(torch.export.export(model, (x,), dynamic_shapes=(sizes,)), model, x)


@row("OpenVINO, from ONNX", "exporters", "openvino", *ONNX)
def openvino_onnx(model, x):
    from pathlib import Path

    path = Path(tempfile.mkdtemp(), "model.onnx")
    path.write_bytes(file_of(model, x))
    return _compiled(str(path), model, x)


def _compiled(source, model, x):
    """Convert for every size, and compile for this processor in float32."""
    import openvino

    sizes = [-1, x.shape[1], *(x.shape[2:] if is_folded(model) else (-1, -1))]
    options = {} if isinstance(source, str | torch.export.ExportedProgram) else {"input": sizes}
    if options and not isinstance(source, torch.jit.ScriptModule):
        options["example_input"] = x
    made = openvino.Core().compile_model(
        openvino.convert_model(source, **options), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return lambda x: list(made(x.numpy()).values())


@row("pnnx and ncnn", "exporters", "pnnx", "ncnn", precision="half",
     one_size=("folded",),
     note="For all forms except the precomputed one, pnnx was given images of a second size with "
     "its option `inputs2`, so that the file supports several sizes. ncnn does not check the size "
     "of an image: a file for a single size gives wrong outputs for images of other sizes."
     )  # fmt: skip
def ncnn_run(model, x):
    """The converter of ncnn reads a trace; it wants names that are names of Python."""
    import pnnx

    class Named(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = model

        def forward(self, x):
            return self.body(x)

    path = tempfile.mkdtemp() + "/model"
    with quiet():
        other = () if is_folded(model) else (torch.nn.functional.pad(x[:1], (0, 8, 0, 4)),)
        pnnx.export(Named().eval(), path + ".pt", (x[:1],), other or None)
    return _ncnn_session(path)


def _ncnn_session(path):
    import ncnn
    import numpy

    network = ncnn.Net()
    network.opt.use_fp16_packed = network.opt.use_fp16_storage = False
    network.opt.use_fp16_arithmetic = network.opt.use_bf16_storage = False
    known = network.load_param(f"{path}.ncnn.param") == 0
    assert known, "ncnn does not know an operation of the file that pnnx made"
    assert network.load_model(f"{path}.ncnn.bin") == 0

    def run(x):
        outputs = []
        for sample in x:
            with network.create_extractor() as extractor:
                extractor.input("in0", ncnn.Mat(sample.contiguous().numpy()).clone())
                outputs.append(numpy.array(extractor.extract("out0")[1]))
        return torch.from_numpy(numpy.stack(outputs))

    return run


@row("ExecuTorch, XNNPACK", "exporters", "executorch")
def executorch(model, x):
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.runtime import Runtime

    exported = torch.export.export(model, (x,))
    lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    content = lowered.to_executorch().buffer
    program = Runtime.get().load_program(content)  # reads the content while it runs
    method = program.load_method("forward")
    return lambda x: (program, content) and method.execute((x,))


@row("Apache TVM, from torch.export", "exporters", "apache-tvm")
def tvm(model, x):
    import tvm
    from tvm import relax
    from tvm.relax.frontend.torch import from_exported_program

    imported = from_exported_program(torch.export.export(model, (x,)))
    built = tvm.compile(relax.get_pipeline("zero")(imported), target="llvm")
    machine = relax.VirtualMachine(built, tvm.cpu())

    def run(x):
        found = machine["main"](tvm.runtime.tensor(x.numpy()))
        return [one.numpy() for one in found] if hasattr(found, "__len__") else found.numpy()

    return run


@row(
    "coremltools, from a trace",
    "exporters",
    "coremltools",
    note="Core ML runs only on Apple's systems. For this test, the converted program was therefore "
    "evaluated by a small interpreter that computes its operations with NumPy.",
)
def core_ml(model, x):
    import coremltools

    from works_with_rows.core_ml_program import interpreted

    program = coremltools.convert(
        torch.jit.trace(model, x),
        inputs=[coremltools.TensorType(shape=x.shape)],
        convert_to="milinternal",
        compute_precision=coremltools.precision.FLOAT32,
        minimum_deployment_target=coremltools.target.iOS17,
    )
    return interpreted(program)


@row("MONAI convert_to_torchscript", "exporters", "monai", quick=False)
def monai_torchscript(model, x):
    from monai.networks import convert_to_torchscript

    return convert_to_torchscript(model, inputs=(x,), use_trace=True)


@row("MONAI convert_to_onnx", "exporters", "monai", "onnx", "onnxruntime", "onnxscript",
     quick=False)  # fmt: skip
def monai_onnx(model, x):
    from monai.networks import convert_to_onnx

    from works_with_rows.onnx_files import is_folded, quiet, session_of

    axes = (0,) if is_folded(model) else (0, 2, 3)
    with quiet():
        made = convert_to_onnx(
            model, inputs=(x,), input_names=["x"], use_trace=True,
            dynamic_axes={"x": {axis: f"axis{axis}" for axis in axes}},
        )  # fmt: skip
    return session_of(made.SerializeToString())
