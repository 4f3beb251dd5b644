"""Other ways to save a converted model bring it back exactly, or fail."""

import io
import json

import pytest
import torch
from torch import nn

from coordconv import convert
from coordconv.conversion import conversion_config, convert_from_config
from coordconv.layers.coordinates import CoordinateLayer

X = torch.randn(2, 3, 6, 9, generator=torch.Generator().manual_seed(0))
OPTIONS = {"radius": True, "convention": "monai", "coord_kernel_size": 1}


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(4, 2, 3))


def trained(model: nn.Module) -> nn.Module:
    for module in convert(model, "all", **OPTIONS).modules():
        if isinstance(module, CoordinateLayer):
            nn.init.normal_(module.coord_weight)
    return model.eval()


def test_a_pickle_of_the_model_holds_its_function_and_what_it_is_reset_to():
    model, file = trained(plain()), io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert torch.equal(again(X), model(X))
    again[0].reset_parameters()
    assert again[0].coord_weight.count_nonzero() == 0


def test_safetensors_fill_a_model_of_the_saved_configuration(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    model = trained(plain())
    safetensors.save_model(model, str(tmp_path / "model.safetensors"))
    config = json.loads(json.dumps(conversion_config(model)))
    again = convert_from_config(plain(), config)
    safetensors.load_model(again, str(tmp_path / "model.safetensors"))
    assert torch.equal(again(X), model(X))
    with pytest.raises(RuntimeError, match="coord_weight"):
        safetensors.load_model(plain(), str(tmp_path / "model.safetensors"))


def test_a_class_with_the_mixin_of_the_hub_keeps_what_it_was_converted_with(tmp_path):
    hub = pytest.importorskip("huggingface_hub")

    class Net(nn.Module, hub.PyTorchModelHubMixin):
        def __init__(self, coordinates: dict | None = None):
            super().__init__()
            self.layers = plain()
            if coordinates is not None:
                convert_from_config(self, coordinates)

    start = convert(Net(), "all", **OPTIONS)
    model = Net(coordinates=conversion_config(start))
    for module in model.modules():
        if isinstance(module, CoordinateLayer):
            nn.init.normal_(module.coord_weight)
    model.save_pretrained(tmp_path)
    assert torch.equal(Net.from_pretrained(tmp_path).layers(X), model.layers(X))


@pytest.mark.parametrize("options", [OPTIONS, {}])
def test_a_bundle_of_monai_converts_in_its_configuration(tmp_path, options):
    pytest.importorskip("monai")
    from monai.bundle import ConfigParser, load

    target = {
        "_target_": "coordconv.convert",
        "model": {
            "_target_": "monai.networks.nets.UNet",
            "spatial_dims": 2,
            "in_channels": 3,
            "out_channels": 2,
            "channels": [4, 8],
            "strides": [2],
        },
        "where": "all",
        **options,
    }
    bundle = tmp_path / "bundle"
    for name in ("configs", "models"):
        (bundle / name).mkdir(parents=True)
    (bundle / "configs" / "inference.json").write_text(json.dumps({"network_def": target}))
    (bundle / "configs" / "metadata.json").write_text(json.dumps({"version": "0.1.0"}))
    model = ConfigParser({"network_def": target}).get_parsed_content("network_def").eval()
    layers = [module for module in model.modules() if isinstance(module, CoordinateLayer)]
    assert layers
    for layer in layers:
        nn.init.normal_(layer.coord_weight)
    torch.save(model.state_dict(), bundle / "models" / "model.pt")
    again = load("bundle", bundle_dir=str(tmp_path), workflow_type="inference").eval()
    x = X[..., :6, :8]
    assert torch.equal(again(x), model(x))
