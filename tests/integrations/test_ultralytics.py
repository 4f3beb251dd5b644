"""Ultralytics models keep their coordinates through all that ultralytics does, or are refused."""

import copy
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coordconv import convert, decompose, precompute, revert
from coordconv.layers.coordinates import CoordinateLayer

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
pytest.importorskip("ultralytics")

from ultralytics import YOLO
from ultralytics.engine.model import Model
from ultralytics.models import yolo
from ultralytics.nn.tasks import BaseModel, DetectionModel
from ultralytics.utils import SETTINGS

from benchmarks.yolo_end_to_end import TRAINING, measure, write_squares

IMAGES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
TASKS = {
    "yolov8n.yaml": yolo.detect.DetectionTrainer,
    "yolo11n.yaml": yolo.detect.DetectionTrainer,
    "yolov8n-seg.yaml": yolo.segment.SegmentationTrainer,
    "yolov8n-pose.yaml": yolo.pose.PoseTrainer,
    "yolov8n-obb.yaml": yolo.obb.OBBTrainer,
    "yolov8n-cls.yaml": yolo.classify.ClassificationTrainer,
}
DATA = {"nc": 2, "channels": 3, "names": {0: "cat", 1: "dog"}, "kpt_shape": [17, 3]}


def as_if_trained(model: nn.Module) -> nn.Module:
    """Draw coordinate weights, and fit batch normalization so that they reach the output."""
    torch.manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, CoordinateLayer):
                module.coord_weight.normal_(0, 0.3)
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.9
        model.train()(IMAGES)
    return model.eval()


def output_of(model: nn.Module) -> Tensor:
    with torch.no_grad():
        output = model(IMAGES)
    while not isinstance(output, Tensor):
        output = output[0]
    return output


def options_of(model: nn.Module) -> dict[str, Any]:
    return {
        name: (layer.radius, layer.convention, layer.coord_kernel_size)
        for name, layer in model.named_modules()
        if isinstance(layer, CoordinateLayer)
    }


def a_trainer(kind: type[Any], **options: Any) -> Any:
    """A trainer that knows its data and arguments, without a data set."""
    trainer = kind.__new__(kind)
    trainer.data, trainer.resume = DATA, False
    trainer.args = type("Arguments", (), {"pretrained": True, "dropout": 0.0, **options})()
    return trainer


def trainer_of(model: Any, monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    """The class of trainer that ``model.train()`` uses."""
    used = []

    def started(self: Any, *args: Any, **options: Any) -> None:
        used.append(type(self))
        raise KeyboardInterrupt

    monkeypatch.setattr("ultralytics.engine.trainer.BaseTrainer.__init__", started)
    with pytest.raises(KeyboardInterrupt):
        model.train()
    return used[0]


@pytest.mark.parametrize("where", ["first", "all"])
@pytest.mark.parametrize("architecture", TASKS)
def test_fusing_changes_nothing(architecture, where):
    model = as_if_trained(convert(YOLO(architecture).model, where=where))
    expected = output_of(model)
    assert not torch.allclose(output_of(revert(copy.deepcopy(model), discard=True)), expected)
    fused = model.fuse(verbose=False)
    assert fused.is_fused()
    torch.testing.assert_close(output_of(fused), expected, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(output_of(fused.fuse(verbose=False)), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("architecture", TASKS)
@pytest.mark.parametrize("pretrained", [True, False])
def test_a_trainer_converts_what_it_builds_as_the_model_is_converted(
    architecture, pretrained, monkeypatch
):
    model = YOLO(architecture)
    convert(model.model, radius=True, convention="mkocabas", coord_kernel_size=1)
    convert(model.model, where=["model.1.conv", "model.3.conv"])
    kind = trainer_of(model, monkeypatch)
    assert issubclass(kind, TASKS[architecture])
    weights = as_if_trained(copy.deepcopy(model.model)) if pretrained else None
    trainer = a_trainer(kind, pretrained=pretrained)
    built = trainer.get_model(cfg=model.model.yaml, weights=weights, verbose=False)
    assert options_of(built) == options_of(model.model)
    if weights is not None:
        for name in options_of(built):
            given = weights.get_submodule(name).coord_weight
            assert torch.equal(built.get_submodule(name).coord_weight, given)


def test_a_plain_model_is_trained_loaded_and_fused_as_before(monkeypatch):
    convert(YOLO("yolov8n.yaml").model)
    plain = YOLO("yolov8n.yaml")
    assert trainer_of(plain, monkeypatch) is yolo.detect.DetectionTrainer
    source = as_if_trained(DetectionModel("yolov8n.yaml", verbose=False))
    plain.model.load(source)
    assert not options_of(plain.model)
    assert torch.equal(output_of(plain.model.eval()), output_of(source))
    assert not options_of(plain.model.fuse(verbose=False))


def test_plain_weights_load_and_leave_the_coordinates_at_zero():
    source = as_if_trained(DetectionModel("yolov8n.yaml", verbose=False))
    model = convert(DetectionModel("yolov8n.yaml", verbose=False), where="all")
    model.load(source)
    assert torch.equal(output_of(model.eval()), output_of(source))


@pytest.mark.parametrize("as_checkpoint", [False, True])
def test_weights_with_coordinates_bring_them_along(as_checkpoint):
    source = as_if_trained(convert(DetectionModel("yolov8n.yaml", verbose=False), where="all"))
    model = DetectionModel("yolov8n.yaml", verbose=False)
    model.load({"model": source} if as_checkpoint else source)
    assert options_of(model) == options_of(source)
    assert torch.equal(output_of(model.eval()), output_of(source))


@pytest.mark.parametrize("kind", ["options", "precomputed", "architecture"])
def test_weights_that_do_not_fit_are_refused_before_anything_changes(kind):
    source = as_if_trained(convert(DetectionModel("yolov8n.yaml", verbose=False), where="all"))
    architecture = "yolo11n.yaml" if kind == "architecture" else "yolov8n.yaml"
    model = DetectionModel(architecture, verbose=False)
    if kind == "options":
        convert(model, radius=True)
    if kind == "precomputed":
        source = precompute(source, IMAGES)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=r"expected .* at 'model\.\d+\..*', as in the model"):
        model.load(source)
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_classes_that_change_places_take_their_coordinates_along():
    source = DetectionModel("yolov8n.yaml", nc=2, verbose=False)
    source.names = {0: "cat", 1: "dog"}
    as_if_trained(convert(source, where="model.22.cv3.*"))
    model = DetectionModel("yolov8n.yaml", nc=2, verbose=False)
    model.names = {0: "dog", 1: "cat"}
    model.load(source)
    scores, swapped = output_of(source)[:, 4:], output_of(model.eval())[:, 4:]
    assert not torch.allclose(scores, scores.flip(1))
    torch.testing.assert_close(swapped, scores.flip(1))


@pytest.mark.parametrize("architecture", ["yolov9t.yaml", "yolov10n.yaml"])
def test_branches_that_are_merged_cannot_have_coordinates(architecture, monkeypatch):
    model = YOLO(architecture)
    as_if_trained(convert(model.model, where="all"))
    expected = output_of(model.model)
    with pytest.raises(ValueError, match="exclude these layers from `where`"):
        model.model.fuse(verbose=False)
    assert torch.equal(output_of(model.model), expected)
    trainer = a_trainer(trainer_of(model, monkeypatch))
    with pytest.raises(ValueError, match="exclude these layers from `where`"):
        trainer.get_model(cfg=model.model.yaml, verbose=False)


def test_a_second_conversion_does_not_extend_the_methods_again():
    convert(DetectionModel("yolov8n.yaml", verbose=False))
    methods = [Model.train, BaseModel.load, BaseModel.fuse, BaseModel._remap_cls_by_names]
    convert(DetectionModel("yolov8n.yaml", verbose=False))
    again = [Model.train, BaseModel.load, BaseModel.fuse, BaseModel._remap_cls_by_names]
    assert methods == again
    assert not any(hasattr(one.__wrapped__, "__wrapped__") for one in methods)


def test_the_trainer_reaches_processes_that_ultralytics_starts(monkeypatch, tmp_path):
    cloudpickle = pytest.importorskip("cloudpickle")
    model = YOLO("yolov8n.yaml")
    convert(model.model)
    kind = trainer_of(model, monkeypatch)
    (tmp_path / "trainer.pt").write_bytes(cloudpickle.dumps(kind))
    program = """
import pickle, sys
kind = pickle.load(open(sys.argv[1], "rb"))
trainer = kind.__new__(kind)
trainer.data, trainer.args = {"nc": 1, "channels": 3}, None
print(type(trainer.get_model(cfg="yolov8n.yaml", verbose=False).model[0].conv).__name__)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "trainer.pt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "CoordConv2d"
    assert issubclass(pickle.loads(cloudpickle.dumps(kind)), kind.__mro__[1])


def test_trained_fused_loaded_elsewhere_and_exported_it_computes_the_same(tmp_path):
    pytest.importorskip("onnxruntime")
    found = measure("yolov8n.yaml", "first", tmp_path)
    assert found["converted"] == 1
    assert found["largest_coordinate_weight"] > 1e-3
    assert set(found["difference"]) == {"fused", "loaded", "loaded and fused", "onnx"}
    for difference in found["difference"].values():
        assert difference < 1e-6 * found["largest_output"]
        assert difference < 1e-2 * found["difference_without_coordinates"]


def test_an_interrupted_training_resumes_with_coordinates(tmp_path):
    model = YOLO("yolov8n.yaml")
    convert(model.model)

    def stop(trainer: Any) -> None:
        raise KeyboardInterrupt

    model.add_callback("on_model_save", stop)
    options = {**TRAINING, "epochs": 2, "project": str(tmp_path)}
    with pytest.raises(KeyboardInterrupt):
        model.train(data=str(write_squares(tmp_path, images=16)), **options)
    again = YOLO(model.trainer.last)
    before = again.model.model[0].conv.coord_weight.clone()
    again.train(resume=True)
    assert again.trainer.start_epoch == 1
    assert before.any()
    assert not torch.equal(again.model.model[0].conv.coord_weight, before)


def test_the_recipe_of_the_guide_runs(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    guide = (Path(__file__).parents[2] / "docs" / "real-models.md").read_text()
    (recipe,) = re.findall(r"^```py\n(.*?)^```$", guide, flags=re.DOTALL | re.MULTILINE)
    write_squares(tmp_path, images=16)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ultralytics.utils.DEFAULT_CFG.plots", False)  # they download a font
    monkeypatch.setattr("ultralytics.utils.SETTINGS", {**SETTINGS, "runs_dir": str(tmp_path)})
    names: dict[str, Any] = {}
    exec(recipe, names)
    assert options_of(names["again"].model).keys() == {"model.0.conv"}
    assert names["again"].model.model[0].conv.coord_weight.any()


@pytest.mark.parametrize("form", ["precomputed", "module", "layer", "hooked", "training"])
def test_fusing_other_forms_changes_nothing(form):
    model = convert(YOLO("yolov8n.yaml").model, where=lambda name, _: "dfl" not in name)
    expected, called = output_of(as_if_trained(model)), []
    if form == "precomputed":
        model = precompute(model, IMAGES)
    elif form == "hooked":
        model.model[0].conv.register_forward_hook(lambda *_: called.append(True))
    elif form == "training":
        model.train()
    else:
        decompose(model, form=form)
    fused = model.fuse(verbose=False)
    assert fused.is_fused()
    assert fused.training == (form == "training")
    torch.testing.assert_close(output_of(fused.eval()), expected, rtol=1e-5, atol=1e-3)
    assert bool(called) == (form == "hooked")


@pytest.mark.parametrize("form", ["coordinates", "precomputed", "module", "layer"])
def test_every_form_is_noticed_when_it_is_unpickled(form, tmp_path):
    model = YOLO("yolov8n.yaml")
    convert(model.model)
    if form == "precomputed":
        model.model = precompute(model.model, IMAGES)
    elif form != "coordinates":
        decompose(model.model, form=form)
    model.save(tmp_path / "model.pt")
    program = """
import sys
import coordconv
from ultralytics import YOLO
model = YOLO(sys.argv[1])
assert "coordconv" in type(model).train.__code__.co_filename
"""
    command = [sys.executable, "-c", program, str(tmp_path / "model.pt")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
