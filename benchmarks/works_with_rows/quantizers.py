"""Tools that compute with fewer bits; compared with what they cost a plain model."""

import tempfile
from pathlib import Path

import torch
from torch import nn

import coordconv
from works_with_rows.onnx_files import file_of, quiet, session_of
from works_with_rows.registry import row

ONNX = ("onnxruntime", "onnx", "onnxscript")


def images_like(x):
    """Return images to calibrate with; as many that their range is that of all images."""
    return [x, *(torch.randn_like(x).clamp(-2, 2) for _ in range(50))]


def with_linear():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(),
        nn.Linear(48, 32),
    )  # fmt: skip


@row("torchao quantize_, int8 weights", "quantizers", "torchao", subject=with_linear,
     precision="quantized")  # fmt: skip
def torchao_weights(model, x):
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    quantize_(model, Int8WeightOnlyConfig())
    return model


@row("torchao pt2e, x86", "quantizers", "torchao", precision="quantized", quick=False)
def pt2e(model, x):
    import torchao.quantization.pt2e.quantizer.x86_inductor_quantizer as x86
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    prepared = prepare_pt2e(torch.export.export(model, (x,)).module(), quantizer)
    for one in images_like(x):
        prepared(one)
    return convert_pt2e(prepared)


def wrapped_convolutions(model, x):
    from torch.ao import quantization

    torch.backends.quantized.engine = "onednn"
    model = coordconv.decompose(model, form="module")
    for expanded in (model[0], model[3]):
        expanded.conv = quantization.QuantWrapper(expanded.conv)
        expanded.conv.qconfig = quantization.get_default_qconfig("onednn")
    prepared = quantization.prepare(model)
    for one in images_like(x):
        prepared(one)
    return quantization.convert(prepared)


@row(
    "torch.ao.quantization, eager",
    "quantizers",
    "torch",
    precision="quantized",
    recipe=wrapped_convolutions,
)
def eager(model, x):
    from torch.ao import quantization

    torch.backends.quantized.engine = "onednn"
    model = quantization.QuantWrapper(model)
    model.qconfig = quantization.get_default_qconfig("onednn")
    prepared = quantization.prepare(model)
    for one in images_like(x):
        prepared(one)
    return quantization.convert(prepared)


@row("torch.ao.quantization, FX", "quantizers", "torch", precision="quantized")
def fx(model, x):
    from torch.ao import quantization
    from torch.ao.quantization import quantize_fx

    torch.backends.quantized.engine = "onednn"
    mapping = quantization.get_default_qconfig_mapping("onednn")
    prepared = quantize_fx.prepare_fx(model, mapping, (x,))
    for one in images_like(x):
        prepared(one)
    return quantize_fx.convert_fx(prepared)


@row("torch.ao.quantization.quantize_dynamic", "quantizers", "torch", subject=with_linear,
     precision="quantized")  # fmt: skip
def dynamic(model, x):
    torch.backends.quantized.engine = "onednn"
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)


def quantized_beside_coordinates(model, x):
    import onnx
    from onnxruntime import quantization

    class Calibration(quantization.CalibrationDataReader):
        batches = iter([{"x": one.numpy()} for one in images_like(x)])

        def get_next(self):
            return next(self.batches, None)

    path = tempfile.mkdtemp() + "/model.onnx"
    Path(path).write_bytes(file_of(coordconv.decompose(model, form="module"), x))
    kept = [one.name for one in onnx.load(path).graph.node if one.op_type != "Conv"]
    quantization.quantize_static(
        path, path + ".int8", Calibration(), nodes_to_exclude=kept, per_channel=True
    )
    return session_of(path + ".int8")


@row(
    "onnxruntime quantize_static",
    "quantizers",
    *ONNX,
    precision="quantized",
    recipe=quantized_beside_coordinates,
    quick=False,
)
def static(model, x):
    from onnxruntime import quantization

    class Calibration(quantization.CalibrationDataReader):
        batches = iter([{"x": one.numpy()} for one in images_like(x)])

        def get_next(self):
            return next(self.batches, None)

    path = tempfile.mkdtemp() + "/model.onnx"
    Path(path).write_bytes(file_of(model, x))
    quantization.quantize_static(path, path + ".int8", Calibration(), per_channel=True)
    return session_of(path + ".int8")


@row("onnxruntime quantize_dynamic", "quantizers", *ONNX, precision="quantized", quick=False)
def dynamic_file(model, x):
    from onnxruntime import quantization

    path = tempfile.mkdtemp() + "/model.onnx"
    Path(path).write_bytes(file_of(model, x))
    quantization.quantize_dynamic(path, path + ".int8", weight_type=quantization.QuantType.QUInt8)
    return session_of(path + ".int8")


def expanded_then_quanto(model, x):
    from optimum.quanto import freeze, qint8, quantize

    model = coordconv.decompose(model, form="module")
    quantize(model, weights=qint8)
    freeze(model)
    return model


@row(
    "optimum-quanto",
    "quantizers",
    "optimum-quanto",
    precision="quantized",
    recipe=expanded_then_quanto,
)
def quanto(model, x):
    from optimum.quanto import freeze, qint8, quantize

    quantize(model, weights=qint8)
    freeze(model)
    return model


@row("NNCF, post-training", "quantizers", "nncf", precision="quantized", quick=False)
def nncf(model, x):
    """Its hooks are one more child, which an nn.Sequential would call."""
    import nncf

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x)

    with quiet():
        return nncf.quantize(Wrapped().eval(), nncf.Dataset(images_like(x)))


@row("Brevitas, graph mode", "quantizers", "brevitas", precision="quantized", quick=False)
def brevitas(model, x):
    from brevitas.graph.calibrate import calibration_mode
    from brevitas.graph.quantize import layerwise_quantize

    made = layerwise_quantize(model)
    with torch.no_grad(), calibration_mode(made):
        made(x)
    return made


@row("bitsandbytes, int8 linear", "quantizers", "bitsandbytes", "transformers",
     subject=with_linear, precision="quantized", quick=False)  # fmt: skip
def bits(model, x):
    import bitsandbytes

    linear = model[4]
    made = bitsandbytes.nn.Linear8bitLt(48, 32, has_fp16_weights=False)
    made.load_state_dict(linear.state_dict())
    model[4] = made.to("cpu")
    return model
