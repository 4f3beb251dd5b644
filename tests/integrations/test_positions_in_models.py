"""Models of other libraries: tiles are the full image's, and flips have coordinates that run back.

The models have random coordinate weights in all their convolutions and random running statistics,
and compute in double precision.
"""

from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from coordconv import Placement, convert, coordinate_grid, positions, predict_flipped, predict_tiled
from coordconv.layers.coordinates import CoordinateLayer

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


class Subject(NamedTuple):
    """A model, and an image, which is cut along its longest axis."""

    model: nn.Module
    size: tuple[int, ...]
    start: int
    length: int
    margin: int  # what the model sees around a pixel
    channels: int = 1
    output: Callable | None = None


def monai_u_net() -> Subject:
    networks = pytest.importorskip("monai.networks.nets")
    net = networks.UNet(3, 1, 2, (4, 8, 12), (2, 2), num_res_units=1, norm="batch")
    return Subject(net, (80, 12, 8), 12, 56, margin=20)


def monai_dyn_u_net() -> Subject:
    """A network as nnU-Net plans it for anisotropic voxels: no stride along the first axis."""
    networks = pytest.importorskip("monai.networks.nets")
    kernels, strides = [(1, 3, 3), (3, 3, 3), (3, 3, 3)], [1, (1, 2, 2), (2, 2, 2)]
    net = networks.DynUNet(
        3, 1, 2, kernels, strides, strides[1:], filters=(4, 8, 12), norm_name="batch"
    )
    return Subject(net, (4, 72, 8), 12, 52, margin=18)


def segformer() -> Subject:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_sizes": [8, 8, 12, 12], "depths": [1] * 4, "decoder_hidden_size": 8}
    heads = {"num_attention_heads": [1, 1, 2, 2], "sr_ratios": [4, 2, 1, 1]}
    config = transformers.SegformerConfig(
        **sizes, **heads, drop_path_rate=0.0, initializer_range=0.3
    )
    net = transformers.SegformerForSemanticSegmentation(config)
    return Subject(net, (320, 64), 32, 256, 112, channels=3, output=lambda out: out.logits)


def smp_u_net() -> Subject:
    models = segmentation_models()
    net = models.Unet("resnet18", 3, None, decoder_channels=(12, 8, 8), classes=2)
    return Subject(net, (400, 16), 24, 328, margin=136, channels=3)


def smp_deep_lab() -> Subject:
    net = segmentation_models().DeepLabV3Plus("resnet18", 3, None, decoder_channels=12, classes=2)
    return Subject(net, (64, 96), 0, 96, margin=0, channels=3)


def segmentation_models():
    try:
        import segmentation_models_pytorch
    except (ImportError, RuntimeError) as error:  # torchvision for another build of torch
        pytest.skip(f"segmentation_models_pytorch: {error}")
    return segmentation_models_pytorch


SUBJECTS = [monai_u_net, monai_dyn_u_net, segformer, smp_u_net]


def prepared(make: Callable[[], Subject]) -> tuple[Subject, Tensor]:
    """Return a converted model and an image."""
    torch.manual_seed(0)
    subject = make()
    image = torch.randn(1, subject.channels, *subject.size)
    convert(subject.model, "all", example=image)
    for name, module in subject.model.named_modules():
        if isinstance(module, CoordinateLayer):
            nn.init.normal_(module.coord_weight, std=0.3)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
        if name.endswith("o_proj"):  # attention sees the entire tile at every position
            nn.init.zeros_(module.weight)
    subject.model.double().eval()
    return subject, image.double()


def called(subject: Subject, image: Tensor) -> Tensor:
    with torch.no_grad():
        output = subject.model(image)
    return output if subject.output is None else subject.output(output)


@pytest.mark.parametrize("make", SUBJECTS)
def test_a_crop_has_the_output_of_the_full_image_inside(make):
    subject, image = prepared(make)
    axis = subject.size.index(max(subject.size)) + 2
    crop = image.narrow(axis, subject.start, subject.length)
    start = [subject.start if n == max(subject.size) else 0 for n in subject.size]
    with positions(subject.model, Placement(subject.size).crop(start, crop.shape[2:])):
        found = called(subject, crop)
    lost, full = called(subject, crop), called(subject, image)
    step = image.shape[axis] // full.shape[axis]
    first, length, margin = (n // step for n in (subject.start, subject.length, subject.margin))
    expected = full.narrow(axis, first + margin, length - 2 * margin)
    assert_close(found.narrow(axis, margin, length - 2 * margin), expected)
    assert (lost.narrow(axis, margin, length - 2 * margin) - expected).abs().max() > 0.01


@pytest.mark.parametrize("make", [monai_u_net, segformer])
def test_overlapping_tiles_give_the_output_of_the_full_image(make):
    subject, image = prepared(make)
    with torch.no_grad():
        tiled = predict_tiled(
            subject.model,
            image,
            [subject.length if n == max(subject.size) else n for n in subject.size],
            [2 * subject.margin if n == max(subject.size) else 0 for n in subject.size],
            output=subject.output,
        )
    assert_close(tiled, called(subject, image))


@contextmanager
def reversed_coordinates(model: nn.Module, dims: tuple[int, ...]):
    """Give each layer the coordinates of its full feature map, written out and reversed."""

    def written_out(layer, arguments, options):
        size = arguments[0].shape[-len(layer.kernel_size) :]
        grid = coordinate_grid(size, convention=layer.convention, dtype=arguments[0].dtype)
        return arguments, options | {"coordinates": grid.flip(dims)}

    layers = [one for one in model.modules() if isinstance(one, CoordinateLayer)]
    hooks = [layer.register_forward_pre_hook(written_out, with_kwargs=True) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@pytest.mark.parametrize("make", [*SUBJECTS, smp_deep_lab])
def test_flipped_images_have_coordinates_that_run_backwards(make):
    subject, image = prepared(make)
    image = image[..., :64, :]
    if image.dim() == 4:
        dims, subsets = (-1,), [(-1,)]
    else:
        dims, subsets = (-1, -3), [(-3,), (-1,), (-1, -3)]
    with torch.no_grad():
        each = predict_flipped(subject.model, image, dims, average=False, output=subject.output)
    expected = [called(subject, image)]
    for flipped in subsets:
        with reversed_coordinates(subject.model, flipped):
            expected.append(called(subject, image.flip(flipped)).flip(flipped))
    assert_close(each, torch.stack(expected))
    stale = called(subject, image.flip(dims)).flip(dims)
    assert (stale - expected[-1]).abs().max() > 0.01
