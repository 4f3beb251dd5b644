"""Networks of other libraries: converted, trained for a step, and loaded into fresh ones."""

import copy

import torch

import coordconv
from works_with_rows.registry import Pair, row
from works_with_rows.stepping import loss_of


def trained_and_loaded(model, build, x, where):
    """Train a step, and load the state into a newly built and converted network."""
    before = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    with torch.enable_grad():
        loss_of(first_of(model(x))).backward()
    moved = [one for name, one in model.named_parameters() if name.endswith("coord_weight")]
    assert all(one.grad is not None and one.grad.any() for one in moved), "no gradient"
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    fresh = build()
    if moved:
        coordconv.convert(fresh, where)
    fresh.load_state_dict(model.state_dict(), strict=True)
    return [Pair(before), Pair(fresh.eval(), model.eval())]


def first_of(output):
    """Return the tensor that a network returns, or the first of several."""
    while not isinstance(output, torch.Tensor):
        output = next(iter(output.values())) if isinstance(output, dict) else output[0]
    return output


def network(name, build, *packages, recipe, size=(3, 64, 96), **options):
    """Register a row whose recipe is its usual use, and that is exact without one."""

    def through(model, x):
        return trained_and_loaded(model, build, x, "first")

    row(
        name, "networks", *packages, subject=build, where="first", size=size,
        forms=("layer",), recipe=recipe, **options,
    )(through)  # fmt: skip


def resnet():
    import timm

    return timm.create_model("resnet18", pretrained=False, num_classes=5)


def timm_recipe(model, x):
    import timm

    fresh = timm.create_model("resnet18", pretrained=False, num_classes=5)
    coordconv.convert(fresh)  # the stem sees x and y
    fresh.load_state_dict(model.state_dict(), strict=True)
    return fresh.eval()


network("timm create_model", resnet, "timm", recipe=timm_recipe, quick=False)


def unet():
    import segmentation_models_pytorch as smp

    return smp.Unet("resnet18", encoder_weights=None, classes=2)


def smp_recipe(model, x):
    import segmentation_models_pytorch as smp

    fresh = smp.Unet("resnet18", encoder_weights=None, classes=2)
    coordconv.convert(fresh)  # where="decoder.blocks.0.conv1.0", say, for coordinates deeper in
    fresh.load_state_dict(model.state_dict(), strict=True)
    return fresh.eval()


network("segmentation-models-pytorch Unet", unet, "segmentation-models-pytorch",
        recipe=smp_recipe, quick=False)  # fmt: skip


def deeplab():
    import segmentation_models_pytorch as smp

    return smp.DeepLabV3Plus("resnet18", encoder_weights=None, classes=2)


network("segmentation-models-pytorch DeepLabV3Plus", deeplab, "segmentation-models-pytorch",
        recipe=None, quick=False)  # fmt: skip


def fcn():
    import torchvision

    return torchvision.models.segmentation.fcn_resnet50(weights=None, weights_backbone=None)


network("torchvision fcn_resnet50", fcn, "torchvision", recipe=None, quick=False)


def monai_unet():
    import monai

    return monai.networks.nets.UNet(2, 1, 2, channels=(8, 16, 32), strides=(2, 2), num_res_units=2)


def monai_recipe(model, x):
    import monai

    fresh = monai.networks.nets.UNet(2, 1, 2, (8, 16, 32), strides=(2, 2), num_res_units=2)
    coordconv.convert(fresh)
    monai.networks.copy_model_state(fresh, model)
    return fresh.eval()


network("MONAI UNet", monai_unet, "monai", recipe=monai_recipe, size=(1, 32, 48))


def plain_conv_unet():
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    return PlainConvUNet(
        1, 3, (8, 16, 32), torch.nn.Conv3d, 3, (1, 2, 2), (1, 1, 1), 2, (1, 1), conv_bias=True,
        norm_op=torch.nn.InstanceNorm3d, norm_op_kwargs={"affine": True},
        nonlin=torch.nn.LeakyReLU, deep_supervision=True,
    )  # fmt: skip


def residual_unet():
    from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet

    return ResidualEncoderUNet(
        1, 3, (8, 16, 32), torch.nn.Conv3d, 3, (1, 2, 2), (1, 1, 1), 2, (1, 1), conv_bias=True,
        norm_op=torch.nn.InstanceNorm3d, norm_op_kwargs={"affine": True},
        nonlin=torch.nn.LeakyReLU, deep_supervision=False,
    )  # fmt: skip


def nnunet_in_a_trainer(model, x):
    # In a trainer of nnU-Net this is a method: build_network_architecture(...).
    def build_network_architecture(build):
        network = build()
        coordconv.convert(network)  # the plans, and plain checkpoints, stay as they are
        return network

    fresh = build_network_architecture(plain_conv_unet)
    fresh.load_state_dict(model.state_dict(), strict=True)
    return fresh.eval()


network("nnU-Net PlainConvUNet", plain_conv_unet, "dynamic_network_architectures",
        recipe=nnunet_in_a_trainer, size=(1, 16, 24, 16))  # fmt: skip
network("nnU-Net ResidualEncoderUNet", residual_unet, "dynamic_network_architectures",
        recipe=None, size=(1, 16, 24, 16))  # fmt: skip


def segformer():
    import transformers

    return transformers.SegformerForSemanticSegmentation(
        transformers.SegformerConfig(depths=[1, 1, 1, 1])
    )


def transformers_recipe(model, x):
    from transformers import SegformerForSemanticSegmentation

    fresh = SegformerForSemanticSegmentation(model.config)
    coordconv.convert(fresh)  # before the weights are loaded
    fresh.load_state_dict(model.state_dict(), strict=True)
    return fresh.eval()


network("transformers SegFormer", segformer, "transformers", recipe=transformers_recipe)
