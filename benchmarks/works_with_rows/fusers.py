"""Tools that multiply a normalization into the convolution before it."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import coordconv
from works_with_rows.registry import row
from works_with_rows.ultralytics_models import detector


def expanded_then_fused(model, x):
    model = coordconv.decompose(model, form="layer")
    model[0], model[1] = fuse_conv_bn_eval(model[0], model[1]), nn.Identity()
    return model


@row("torch.nn.utils.fusion.fuse_conv_bn_eval", "fusers", "torch", recipe=expanded_then_fused)
def fuse_eval(model, x):
    model[0], model[1] = fuse_conv_bn_eval(model[0], model[1]), nn.Identity()
    return model


def fused_by_name(model, x):
    model = coordconv.decompose(model, form="module")
    return torch.ao.quantization.fuse_modules(model, [["0.conv", "1", "2"]])


@row("torch.ao.quantization.fuse_modules", "fusers", "torch", recipe=fused_by_name)
def fuse_modules(model, x):
    return torch.ao.quantization.fuse_modules(model, [["0", "1", "2"]])


@row("torch.fx.experimental.optimization.fuse", "fusers", "torch")
def fx_fuse(model, x):
    from torch.fx.experimental.optimization import fuse

    return fuse(model)


def expanded_then_fused_by_ultralytics(model, x):
    model = coordconv.decompose(model, form="layer")
    return model.fuse(verbose=False)  # predict, val and export of ultralytics call this


@row(
    "ultralytics BaseModel.fuse",
    "fusers",
    "ultralytics",
    subject=detector,
    where="first",
    size=(3, 64, 96),
    recipe=expanded_then_fused_by_ultralytics,
)
def ultralytics_fuse(model, x):
    return model.fuse(verbose=False)


def expanded_then_replaced(model, x):
    model = coordconv.decompose(model, form="module")
    model[0].conv, model[1] = new_convolution(model[0].conv, model[1]), nn.Identity()
    return model


@row(
    "a fuser that builds a new Conv2d (YOLOv5, YOLOX)",
    "fusers",
    "torch",
    recipe=expanded_then_replaced,
    note="Replacing the coordinate layer with the new plain layer raises an error. Use the recipe, "
    "or fuse with `coordconv.fuse_batch_norm(model)` instead.",
)
def fuse_into_new(model, x):
    model[0], model[1] = new_convolution(model[0], model[1]), nn.Identity()
    return model


def new_convolution(convolution, normalization):
    """Fuse into a fresh layer, made from the attributes of the old one."""
    scale = normalization.weight / (normalization.running_var + normalization.eps).sqrt()
    made = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
        convolution.groups,
    ).requires_grad_(False)
    made.weight.data.copy_(convolution.weight * scale[:, None, None, None])
    shifted = convolution.bias - normalization.running_mean
    made.bias.data.copy_(shifted * scale + normalization.bias)
    return made.eval()


@row("MMCV fuse_conv_bn", "fusers", "mmcv-lite", "mmengine")
def mmengine_fuse(model, x):
    from mmcv.cnn import fuse_conv_bn

    return fuse_conv_bn(model)


@row("coordconv.fuse_batch_norm", "fusers", "torch")
def our_own(model, x):
    model = coordconv.fuse_batch_norm(model)
    assert not any(isinstance(one, nn.BatchNorm2d) for one in model.modules())
    return model


@row("onnxruntime graph optimizations", "fusers", "onnxruntime", "onnx", "onnxscript",
     quick=False)  # fmt: skip
def onnxruntime_fuse(model, x):
    """The exporter keeps the normalization, and the runtime fuses it on loading."""
    from works_with_rows.onnx_files import file_of, session_of

    return session_of(file_of(model, x))


def mobileone():
    import timm

    return timm.create_model("mobileone_s0", pretrained=False, num_classes=5)


@row("timm reparameterize_model", "fusers", "timm", subject=mobileone, where="first",
     size=(3, 64, 96), quick=False)  # fmt: skip
def reparameterized(model, x):
    """It merges branches of convolution and normalization into one convolution."""
    from timm.utils import reparameterize_model

    return reparameterize_model(model)
