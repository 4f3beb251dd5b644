"""Converted models of transformers come back exactly, or an error says why not.

The laws hold for uninitialized memory that is not zero by chance, so it is filled with NaN.
"""

import copy
import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from coordconv import CoordConv2d, convert, precompute, revert
from coordconv.conversion import conversion_config
from coordconv.layers.coordinates import CoordinateLayer

transformers = pytest.importorskip("transformers")

import coordconv.integrations.transformers  # noqa: E402

STAGES = {"hidden_sizes": [8, 8, 8, 8], "depths": [1, 1, 1, 1]}
SMALL = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1}
SMALL |= {"encoder_attention_heads": 1, "decoder_attention_heads": 1}


def resnet(**options):
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "num_labels": 3}
    return transformers.ResNetConfig(**sizes | options)


def detr():
    backbone = {"backbone": None, "use_timm_backbone": False, "use_pretrained_backbone": False}
    return transformers.DetrConfig(
        **SMALL, **backbone, backbone_config=resnet(out_features=["stage2"]), num_queries=2
    )


MODELS = {
    "ResNetForImageClassification": resnet,
    "ConvNextForImageClassification": lambda: transformers.ConvNextConfig(**STAGES),
    "SegformerForSemanticSegmentation": lambda: transformers.SegformerConfig(
        **STAGES, decoder_hidden_size=8, num_attention_heads=[1, 1, 1, 1]
    ),
    "DetrForObjectDetection": detr,
    "Wav2Vec2Model": lambda: transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    ),
}
OPTIONS = {
    "first": {},
    "all": {"where": "all", "radius": True, "convention": "monai", "coord_kernel_size": 1},
}
IMAGES = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
ResNet = transformers.ResNetForImageClassification


@pytest.fixture(autouse=True)
def _quiet_and_with_nan_in_uninitialized_memory():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(before)


def trained(model, **options):
    convert(model, **options)
    for module in coordinate_layers(model).values():
        nn.init.normal_(module.coord_weight)
    return model.eval()


def coordinate_layers(model) -> dict[str, CoordinateLayer]:
    return {name: m for name, m in model.named_modules() if isinstance(m, CoordinateLayer)}


def assert_same(model, other):
    numbers, others = model.state_dict(), other.state_dict()
    assert list(numbers) == list(others)
    for name, value in numbers.items():
        torch.testing.assert_close(others[name], value, rtol=0, atol=0, msg=name)
    layers, again = conversion_config(model)["layers"], conversion_config(other)["layers"]
    assert layers == again


class Converts(ResNet):
    """The pattern of a user: the class itself converts, with ``options`` of its own."""

    options: dict = {"where": "all"}  # noqa: RUF012

    def __init__(self, config):
        super().__init__(config)
        convert(self, **self.options)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shard", ["50GB", "4KB"])
def test_a_saved_model_comes_back_through_its_ordinary_class(tmp_path, name, options, shard):
    kind = getattr(transformers, name)
    model = trained(kind(MODELS[name]()), **options)
    model.save_pretrained(tmp_path, max_shard_size=shard)
    assert_same(model, kind.from_pretrained(tmp_path))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_computes_the_same_bit_for_bit(tmp_path, options):
    model = trained(ResNet(resnet()), **options)
    model.save_pretrained(tmp_path)
    again = ResNet.from_pretrained(tmp_path)
    assert torch.equal(again(IMAGES).logits, model(IMAGES).logits)
    again.save_pretrained(tmp_path / "again")
    assert_same(model, ResNet.from_pretrained(tmp_path / "again"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, "auto"])
def test_a_dtype_casts_the_coordinate_weights_with_the_others(tmp_path, dtype):
    model = trained(ResNet(resnet()), **OPTIONS["all"])
    model.save_pretrained(tmp_path)
    again = ResNet.from_pretrained(tmp_path, dtype=dtype)
    assert_same(copy.deepcopy(model).to(again.dtype), again)


def test_parts_and_models_around_the_saved_one_keep_its_coordinates(tmp_path):
    model = trained(ResNet(resnet()), where="all")
    model.save_pretrained(tmp_path / "whole")
    part = transformers.AutoModel.from_pretrained(tmp_path / "whole")
    assert type(part) is transformers.ResNetModel
    assert_same(model.resnet, part)
    model.resnet.save_pretrained(tmp_path / "part")
    assert_same(model.resnet, transformers.ResNetModel.from_pretrained(tmp_path / "part"))
    around = ResNet.from_pretrained(tmp_path / "part")
    assert_same(model.resnet, around.resnet)


def test_saving_does_not_change_the_configuration_in_memory(tmp_path):
    model = trained(ResNet(resnet()))
    before = model.config.to_dict()
    model.resnet.save_pretrained(tmp_path)
    after = model.config.to_dict()
    assert {key: after[key] for key in before if key not in ("architectures", "dtype")} == {
        key: before[key] for key in before if key not in ("architectures", "dtype")
    }
    assert "coordconv" not in after


@pytest.mark.parametrize("plain", [ResNet, lambda config: revert(convert(ResNet(config)))])
def test_a_plain_model_is_saved_and_loaded_as_ever(tmp_path, plain):
    model = plain(resnet())
    model.save_pretrained(tmp_path)
    assert "coordconv" not in json.loads((tmp_path / "config.json").read_text())
    assert_same(model, ResNet.from_pretrained(tmp_path))


def test_what_is_saved_is_what_the_model_has_then_and_not_what_it_was_loaded_with(tmp_path):
    trained(ResNet(resnet()), where="all").save_pretrained(tmp_path)
    model = revert(ResNet.from_pretrained(tmp_path), discard=True)
    trained(model, where=["resnet.embedder.*"], radius=True).save_pretrained(tmp_path / "again")
    assert_same(model, ResNet.from_pretrained(tmp_path / "again"))


@pytest.mark.parametrize("change", ["kept", "reverted", "converted again", "more layers"])
def test_what_is_saved_of_a_part_is_what_the_part_has_then(tmp_path, change):
    """The configuration of a backbone is nested in that of the model, with its own entry."""
    backbone = trained(transformers.ResNetBackbone(resnet(out_features=["stage2"])))
    backbone.save_pretrained(tmp_path / "backbone")
    config = detr()
    config.backbone_config = transformers.AutoConfig.from_pretrained(tmp_path / "backbone")
    model = transformers.DetrForObjectDetection(config)
    assert len(coordinate_layers(model)) == 1
    trained(model, where=list(coordinate_layers(model)))
    if change != "kept":
        revert(model, discard=True)
    if change == "converted again":
        trained(model, convention="pixels", radius=True)
    elif change == "more layers":
        trained(model, where="all")
    model.save_pretrained(tmp_path / "model")
    again = transformers.DetrForObjectDetection.from_pretrained(tmp_path / "model")
    assert_same(model, again)
    again.save_pretrained(tmp_path / "again")
    assert_same(model, transformers.DetrForObjectDetection.from_pretrained(tmp_path / "again"))
    built = transformers.ResNetBackbone(again.config.backbone_config)
    part = next(one for one in model.modules() if isinstance(one, transformers.ResNetBackbone))
    assert conversion_config(built)["layers"] == conversion_config(part)["layers"]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_configuration_builds_the_layers_that_it_describes(tmp_path, options):
    model = trained(ResNet(resnet()), **options)
    model.save_pretrained(tmp_path)
    config = transformers.AutoConfig.from_pretrained(tmp_path)
    built = [
        ResNet(config),
        transformers.AutoModelForImageClassification.from_config(config),
    ]
    for one in built:
        assert conversion_config(one)["layers"] == conversion_config(model)["layers"]
        one.load_state_dict(model.state_dict(), strict=True)
    part = transformers.AutoModel.from_config(config)
    assert conversion_config(part)["layers"] == conversion_config(model.resnet)["layers"]


@pytest.mark.parametrize(
    "how",
    [{}, {"low_cpu_mem_usage": True}, {"dtype": torch.bfloat16}, {"state_dict": "plain"}],
    ids=str,
)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_class_that_converts_itself_starts_a_plain_checkpoint_at_zero(tmp_path, how, options):
    plain = ResNet(resnet()).eval()
    plain.save_pretrained(tmp_path)
    kind = type("Converts", (Converts,), {"options": options, "__module__": __name__})
    if "state_dict" in how:
        model = kind.from_pretrained(None, config=plain.config, state_dict=plain.state_dict())
    else:
        model = kind.from_pretrained(tmp_path, **how)
    layers = coordinate_layers(model).values()
    assert layers
    assert all(layer.coord_weight.count_nonzero() == 0 for layer in layers)
    assert all(layer.coord_weight.requires_grad for layer in layers)
    expected = copy.deepcopy(plain).to(model.dtype)(IMAGES.to(model.dtype)).logits
    assert torch.equal(model(IMAGES.to(model.dtype)).logits, expected)


def test_a_class_that_converts_itself_gets_its_own_checkpoint_back(tmp_path):
    model = trained(Converts(resnet()))
    model.save_pretrained(tmp_path)
    assert_same(model, Converts.from_pretrained(tmp_path))


def test_zero_even_where_a_model_draws_every_parameter_of_a_block(tmp_path, monkeypatch):
    initialization = pytest.importorskip("transformers.initialization")

    def draw_all(self, module):
        for parameter in module.parameters():
            initialization.normal_(parameter)

    plain = ResNet(resnet()).eval()
    plain.save_pretrained(tmp_path)
    monkeypatch.setattr(transformers.ResNetPreTrainedModel, "_init_weights", draw_all)
    model = Converts.from_pretrained(tmp_path)
    assert torch.equal(model(IMAGES).logits, plain(IMAGES).logits)


def test_a_layer_of_other_sizes_starts_anew_at_zero(tmp_path):
    ResNet(resnet(num_channels=1)).save_pretrained(tmp_path / "plain")
    trained(ResNet(resnet(num_channels=1))).save_pretrained(tmp_path / "own")
    for folder in ("plain", "own"):
        kind = Converts if folder == "plain" else ResNet
        model = kind.from_pretrained(
            tmp_path / folder, config=None, num_channels=3, ignore_mismatched_sizes=True
        )
        assert model(IMAGES).logits.isfinite().all()
        first = model.resnet.embedder.embedder.convolution
        assert isinstance(first, CoordConv2d)
        assert first.weight.shape[1] == 3


def test_layers_built_with_coordinates_are_never_left_uninitialized(tmp_path):
    class Head(ResNet):
        def __init__(self, config):
            super().__init__(config)
            self.extra = CoordConv2d(16, 4, 1)
            self.post_init()

    ResNet(resnet()).save_pretrained(tmp_path)
    extra = Head.from_pretrained(tmp_path).extra
    assert extra.coord_weight.isfinite().all()
    assert extra.weight.isfinite().all()


def test_shared_layers_stay_shared(tmp_path):
    class Shares(ResNet):
        _tied_weights_keys = {"again": "resnet.embedder"}  # noqa: RUF012

        def __init__(self, config):
            super().__init__(config)
            self.again = self.resnet.embedder

    model = Shares(resnet())
    trained(model).save_pretrained(tmp_path)
    again = Shares.from_pretrained(tmp_path)
    assert_same(model, again)
    assert again.again is again.resnet.embedder


def test_coordinate_weights_that_nothing_explains_are_refused(tmp_path):
    trained(ResNet(resnet())).save_pretrained(tmp_path)
    without_entry(tmp_path)
    with pytest.raises(ValueError, match=r"coordinate weights for 'resnet\.embedder.*config\.json"):
        ResNet.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"coordinate weights for 'embedder"):
        transformers.AutoModel.from_pretrained(tmp_path)


def test_coordinate_weights_that_were_lost_are_refused(tmp_path):
    trained(ResNet(resnet())).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = {name: v for name, v in load_file(file).items() if "coord_weight" not in name}
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(ValueError, match=r"no coordinate weights for 'resnet\.embedder"):
        ResNet.from_pretrained(tmp_path)


def test_a_class_that_converts_otherwise_than_the_saved_model_is_refused_or_gives_the_saved(
    tmp_path,
):
    model = trained(ResNet(resnet()), where="first", radius=True)
    model.save_pretrained(tmp_path)

    class First(Converts):
        options = {"where": "first"}  # noqa: RUF012

    with pytest.raises(ValueError, match="radius=False, but the configuration has radius=True"):
        First.from_pretrained(tmp_path)


def test_an_entry_of_a_newer_format_is_refused(tmp_path):
    trained(ResNet(resnet())).save_pretrained(tmp_path)
    with_entry(tmp_path, lambda entry: entry | {"format": 2, "version": "9.8.7"})
    for load in (ResNet.from_pretrained, transformers.AutoModel.from_pretrained):
        with pytest.raises(ValueError, match=r"coordconv 9\.8\.7 in format 2"):
            load(tmp_path)
    with pytest.raises(ValueError, match="format 2"):
        ResNet(transformers.AutoConfig.from_pretrained(tmp_path))


def test_an_entry_that_does_not_fit_the_model_is_refused(tmp_path):
    trained(ResNet(resnet())).save_pretrained(tmp_path)
    with_entry(tmp_path, lambda entry: entry | {"layers": {"gone": next(iter(entry["layers"]))}})
    with pytest.raises(ValueError, match="'gone', which does not exist"):
        ResNet.from_pretrained(tmp_path)


def test_a_folded_model_is_refused_before_anything_is_written(tmp_path):
    model = precompute(trained(ResNet(resnet())), IMAGES)
    with pytest.raises(ValueError, match="PrecomputedConv2d"):
        model.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


FRESH = """
import sys
from transformers import ResNetForImageClassification as ResNet
{imported}
model = ResNet.from_pretrained(sys.argv[1])
print(sum(type(module).__name__ == "CoordConv2d" for module in model.modules()))
"""


@pytest.mark.parametrize(
    ("imported", "found"),
    [("import coordconv.integrations.transformers", 8), ("import coordconv", 0), ("", 0)],
)
def test_in_a_new_process_the_integration_is_needed_and_else_transformers_reports(
    tmp_path, imported, found
):
    trained(ResNet(resnet()), where="all").save_pretrained(tmp_path)
    program = [sys.executable, "-c", FRESH.format(imported=imported), str(tmp_path)]
    result = subprocess.run(program, capture_output=True, text=True, check=True)
    assert result.stdout.split() == [str(found)]
    assert ("UNEXPECTED" in result.stdout + result.stderr) == (found == 0)


def test_installing_twice_is_installing_once():
    before = transformers.PreTrainedModel.save_pretrained
    coordconv.integrations.transformers.install()
    assert transformers.PreTrainedModel.save_pretrained is before


def change_config(folder, change):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def without_entry(folder):
    change_config(folder, lambda config: config.pop("coordconv"))


def with_entry(folder, change):
    change_config(folder, lambda config: config.update(coordconv=change(config["coordconv"])))
