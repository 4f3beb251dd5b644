"""Networks of other libraries, with random weights, converted to use coordinates.

Each network is converted at its first convolution and at all convolutions. Then everything that a
user might do next is tried, and docs/real-models.md shows the results. A test does the same with
small versions of these architectures.
"""

import argparse
import copy
import json
import platform
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import monai
import torch
import transformers
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from coordconv import convert, revert
from coordconv.conversion import Report
from coordconv.export import to_onnx
from coordconv.export.verification import Dynamic

RESULT = Path(__file__).parent / "results" / "real_models.json"


class Architecture(NamedTuple):
    """A network of another library.

    Attributes:
        library: The library that contains it.
        build: Builds the network with random weights; the argument is whether to use fewer layers.
        size: Channels, height and width of the input.
    """

    library: str
    build: Callable[[bool], nn.Module]
    size: tuple[int, ...]


def _resnet(small: bool) -> nn.Module:
    shape = {"depths": [1, 1, 1, 1]} if small else {}  # The default is ResNet-50.
    return transformers.ResNetForImageClassification(transformers.ResNetConfig(**shape))


def _convnext(small: bool) -> nn.Module:
    shape = {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64]} if small else {}
    # The scale of the branches is initially 1e-6, which would hide their effect.
    config = transformers.ConvNextConfig(**shape, layer_scale_init_value=1.0)
    return transformers.ConvNextForImageClassification(config)


def _segformer(small: bool) -> nn.Module:
    shape = {"depths": [1, 1, 1, 1]} if small else {}
    return transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(**shape))


def _detector(small: bool) -> dict[str, Any]:
    """Return the options shared by DETR and Mask2Former: ResNet-50 of transformers, 20 labels."""
    shape = {"depths": [1, 1, 1, 1]} if small else {}
    stages = ["stage1", "stage2", "stage3", "stage4"]
    return {
        "use_timm_backbone": False,
        "backbone": None,
        "use_pretrained_backbone": False,
        "backbone_config": transformers.ResNetConfig(**shape, out_features=stages),
        "encoder_layers": 1 if small else 6,
        "num_labels": 20,
    }


def _detr(small: bool) -> nn.Module:
    config = transformers.DetrConfig(**_detector(small), decoder_layers=1 if small else 6)
    return transformers.DetrForObjectDetection(config)


def _mask2former(small: bool) -> nn.Module:
    config = transformers.Mask2FormerConfig(**_detector(small), decoder_layers=2 if small else 7)
    return transformers.Mask2FormerForUniversalSegmentation(config)


def _unet(dimensions: int) -> Callable[[bool], nn.Module]:
    def build(small: bool) -> nn.Module:
        channels = (8, 16, 32) if small else (16, 32, 64, 128, 256)
        return monai.networks.nets.UNet(
            spatial_dims=dimensions,
            in_channels=1,
            out_channels=2,
            channels=channels,
            strides=(2,) * (len(channels) - 1),
            num_res_units=2,
        )

    return build


def _densenet(small: bool) -> nn.Module:
    blocks = (2, 2) if small else (6, 12, 24, 16)
    return monai.networks.nets.DenseNet(2, 1, 5, block_config=blocks)


ARCHITECTURES = {
    "ResNet-50": Architecture("transformers", _resnet, (3, 64, 96)),
    "ConvNeXt-T": Architecture("transformers", _convnext, (3, 64, 96)),
    "SegFormer-B0": Architecture("transformers", _segformer, (3, 64, 96)),
    "DETR, ResNet-50": Architecture("transformers", _detr, (3, 64, 96)),
    "Mask2Former, ResNet-50": Architecture("transformers", _mask2former, (3, 64, 96)),
    "UNet, 2-D": Architecture("MONAI", _unet(2), (1, 64, 96)),
    "UNet, 3-D": Architecture("MONAI", _unet(3), (1, 32, 48, 32)),
    "DenseNet-121": Architecture("MONAI", _densenet, (1, 64, 96)),
}
PLACES = ("first", "all")


def outputs(model: Callable[..., Any], x: Tensor) -> list[Tensor]:
    """Return all floating-point tensors in the output of a model, in order."""
    leaves = tree_leaves(model(x))
    return [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Return the largest difference, relative to the largest value."""
    assert [one.shape for one in ours] == [one.shape for one in theirs]
    shares = [
        ((a - b).abs().max() / b.abs().max().clamp(min=1e-30)).item()
        for a, b in zip(ours, theirs, strict=True)
        if b.numel()
    ]
    return max(shares)


def check(name: str, where: str, *, small: bool, backend: str | None) -> dict[str, Any]:
    """Convert an architecture, do what a user might do next, and describe the results.

    Without a backend for the compiler, the network is neither compiled nor exported.
    """
    architecture = ARCHITECTURES[name]
    torch.manual_seed(0)
    model = architecture.build(small).eval()
    x = torch.randn(2, *architecture.size)
    with torch.no_grad():
        plain = outputs(model, x)
    parameters = sum(one.numel() for one in model.parameters())
    original = {key: one.clone() for key, one in model.state_dict().items()}
    reports: list[Report] = []
    converted = convert(copy.deepcopy(model), where, report=reports.append)
    (report,) = reports
    with torch.no_grad():
        unchanged = difference(outputs(converted, x), plain)
    back = revert(copy.deepcopy(converted)).state_dict()
    row = {
        "library": architecture.library,
        "where": where,
        "convolutions": len(report),
        "converted": len(report.converted),
        "parameters": parameters,
        "added": sum(change.added for change in report),
        "difference": unchanged,
        "reverts": list(back) == list(original)
        and all(torch.equal(back[key], original[key]) for key in original),
    }
    row |= _trained(converted, x)
    row["loads"] = _loads(converted, architecture.build(small).eval(), where, x)
    if backend is not None:
        for which, one in (("plain", model), ("converted", converted)):
            row[f"compile {which}"] = _compiles(one, x, backend)
            row[f"onnx {which}"] = _exports(one, x)
    return row


def _trained(model: nn.Module, x: Tensor) -> dict[str, Any]:
    """Train for one step, after which coordinate weights are not zero, and describe the result."""
    model.train()
    weights = [one for key, one in model.named_parameters() if key.endswith("coord_weight")]
    before = _loss(model, x)
    before.backward()
    reached = [one.grad is not None and bool(one.grad.abs().max() > 0) for one in weights]
    learnt = [one for one in model.parameters() if one.grad is not None]
    steepness = sum(one.grad.square().sum().item() for one in learnt)
    # Choose the step so that the loss decreases by 1%, to first order.
    torch.optim.SGD(learnt, lr=0.01 * before.item() / steepness).step()
    share = _loss(model, x).item() / before.item()
    moved = all(bool(one.abs().max() > 0) for one in weights)
    model.eval()
    return {
        "gradients": sum(reached),
        "coordinate weights": len(weights),
        "step": moved and share < 1,
    }


def _loss(model: nn.Module, x: Tensor) -> Tensor:
    torch.manual_seed(1)  # Use the same dropout every time.
    return torch.stack([one.square().mean() for one in outputs(model, x)]).sum()


def _loads(trained: nn.Module, fresh: nn.Module, where: str, x: Tensor) -> bool:
    """Whether a new model with the saved checkpoint has the same outputs."""
    with tempfile.TemporaryDirectory() as directory:
        save_model(trained, f"{directory}/model.safetensors")
        again = convert(fresh, where)
        load_model(again, f"{directory}/model.safetensors", strict=True)
    with torch.no_grad():
        pairs = zip(outputs(trained, x), outputs(again.eval(), x), strict=True)
        return all(torch.equal(a, b) for a, b in pairs)


def _compiles(model: nn.Module, x: Tensor, backend: str) -> str:
    torch._dynamo.reset()
    try:
        with torch.no_grad():
            share = difference(outputs(torch.compile(model, backend=backend), x), outputs(model, x))
    except Exception as error:
        return f"fails: {type(error).__name__}"
    return "works" if share < 1e-4 else f"differs by {share:.1g}"


AXES: dict[Dynamic, str] = {
    "batch_and_size": "any size",
    "batch": "any batch",
    "none": "one size",
}


def _exports(model: nn.Module, x: Tensor) -> str:
    """Describe the input sizes that an ONNX file can support, trying the most general first."""
    failure = ""
    with tempfile.TemporaryDirectory() as directory:
        for dynamic, words in AXES.items():
            try:
                to_onnx(model, x, Path(directory, "model.onnx"), dynamic=dynamic, tolerance=1e-3)
            except Exception as error:
                failure = f"fails: {type(error).__name__}"
                continue
            return words
    return failure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only architectures whose name contains this")
    parser.add_argument("--again", action="store_true", help="also repeat existing results")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    done = json.loads(RESULT.read_text())["models"] if RESULT.exists() else {}
    for name in ARCHITECTURES:
        if arguments.only not in name:
            continue
        for where in PLACES:
            if where in done.get(name, {}) and not arguments.again:
                continue
            started = time.perf_counter()
            row = check(name, where, small=False, backend="inductor")
            print(f"{name}, {where}, {time.perf_counter() - started:.0f} s: {row}", flush=True)
            done.setdefault(name, {})[where] = row
            _write(done)


def _write(models: dict[str, Any]) -> None:
    ordered = {name: models[name] for name in ARCHITECTURES if name in models}
    versions = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "monai": monai.__version__,
        "python": platform.python_version(),
    }
    RESULT.write_text(json.dumps({"versions": versions, "models": ordered}, indent=2) + "\n")


if __name__ == "__main__":
    main()
