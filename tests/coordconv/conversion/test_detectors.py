"""The layers that ``where="detector"`` selects."""

import pytest
import torch
from torch import nn

from coordconv import convert
from coordconv.layers.coordinates import CoordinateLayer


def found_in(model: nn.Module) -> list[str]:
    convert(model, "detector")
    return [name for name, one in model.named_modules() if isinstance(one, CoordinateLayer)]


def conv(inputs: int, outputs: int, kernel: int = 1) -> nn.Module:
    block = nn.Module()
    block.conv, block.norm = nn.Conv2d(inputs, outputs, kernel), nn.BatchNorm2d(outputs)
    return block


class Detect(nn.Module):
    """A head like that of YOLO: two branches for each of three levels."""

    def __init__(self, levels: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.cv2, self.cv3 = (
            nn.ModuleList(
                nn.Sequential(conv(n, 16, 3), conv(16, 16, 3), nn.Conv2d(16, outputs, 1))
                for n in levels
            )
            for outputs in (64, classes)
        )
        self.dfl = nn.Conv2d(16, 1, 1)


@pytest.mark.parametrize("classes", [1, 64, 128, 256])
def test_the_neck_of_yolo_starts_at_the_upsampling_and_each_level_has_two_branches(classes):
    model = nn.Module()
    model.model = nn.Sequential(
        conv(3, 64, 3),
        conv(64, 64),  # Pointwise, in the backbone.
        nn.Upsample(scale_factor=2),
        conv(64, 64),
        conv(64, 64, 3),
        Detect((64, 128, 256), classes),
    )
    levels = [f"model.5.{branch}.{level}.0.conv" for branch in ("cv2", "cv3") for level in range(3)]
    assert found_in(model) == ["model.3.conv", *levels]


def test_only_the_first_convolution_of_each_branch_is_selected():
    model = nn.Module()
    model.bbox_head = nn.Module()
    for branch in ("cls_convs", "reg_convs"):
        setattr(model.bbox_head, branch, nn.ModuleList(conv(8, 8, 3) for _ in range(4)))
    model.bbox_head.retina_cls = nn.Conv2d(8, 3, 3)
    assert found_in(model) == ["bbox_head.cls_convs.0.conv", "bbox_head.reg_convs.0.conv"]


def test_of_nested_heads_the_inner_one_is_selected():
    model = nn.ModuleDict({"roi_heads": nn.ModuleDict({"mask_head": nn.Sequential(
        nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)), "predictor": nn.Conv2d(4, 1, 1)})})  # fmt: skip
    assert found_in(model) == ["roi_heads.mask_head.0"]


class LevelFPN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.layer = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3)


class BackboneWithFPN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.levels = nn.Sequential(nn.Conv2d(3, 4, 1)), LevelFPN()


class TopHead(nn.Sequential):
    pass


def test_class_names_are_used_too_and_a_backbone_is_not_a_neck():
    model = nn.Sequential(BackboneWithFPN(), TopHead(nn.ReLU(), nn.Conv2d(4, 4, 3)))
    assert found_in(model) == ["0.levels.inner", "1.1"]


@pytest.mark.parametrize(
    "name",
    ["bottleneck", "bottle_neck", "multihead", "multi_head", "conv_head", "expand", "heading"],
)
def test_similar_words_do_not_match(name):
    model = nn.ModuleDict(
        {name: nn.Conv2d(3, 3, 1), "real": nn.ModuleDict({"neck": nn.Conv2d(3, 3, 1)})}
    )
    assert found_in(model) == ["real.neck"]


def test_without_neck_and_head_the_error_lists_the_modules_with_convolutions():
    model = nn.ModuleDict(
        {"stem": nn.Conv2d(3, 3, 1), "body": nn.Sequential(conv(3, 3), conv(3, 3))}
    )
    with pytest.raises(ValueError, match=r"no convolution: .*fpn.*in stem \(1\), body \(2\)"):
        convert(model, "detector")
    with pytest.raises(ValueError, match="the model has no convolution"):
        convert(nn.Linear(3, 3), "detector")


def test_detr_gets_coordinates_at_its_input_projection():
    transformers = pytest.importorskip("transformers")
    backbone = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1]
    )
    config = transformers.DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None,
        backbone_config=backbone, d_model=32, encoder_layers=1, decoder_layers=1,
    )  # fmt: skip
    model = transformers.DetrForObjectDetection(config).eval()
    input = torch.randn(1, 3, 64, 96)
    before = model(pixel_values=input).pred_boxes
    assert found_in(model) == ["model.input_projection"]
    assert torch.equal(model(pixel_values=input).pred_boxes, before)


def _yolo(neck: list[str], head: int, depthwise: bool) -> list[str]:
    first = "0.0.conv" if depthwise else "0.conv"
    return [
        *(f"model.{name}.conv" for name in neck),
        *(f"model.{head}.cv2.{level}.0.conv" for level in range(3)),
        *(f"model.{head}.cv3.{level}.{first}" for level in range(3)),
    ]


YOLO = {
    "yolov8n.yaml": _yolo(
        [f"{layer}.{one}" for layer in (12, 15, 18, 21) for one in ("cv1", "cv2")], 22, False
    ),
    "yolo11n.yaml": _yolo(
        [
            *(f"{layer}.{one}" for layer in (13, 16, 19, 22) for one in ("cv1", "cv2")),
            *(f"22.m.0.{one}" for one in ("cv1", "cv2", "cv3")),
        ],
        23,
        True,
    ),
}


@pytest.mark.parametrize("name", YOLO)
def test_yolo_gets_coordinates_in_its_neck_and_the_first_of_each_branch(name):
    tasks = pytest.importorskip("ultralytics.nn.tasks")
    model = tasks.DetectionModel(name, verbose=False).eval()
    input = torch.randn(1, 3, 64, 96)
    before = model(input)[0]
    assert found_in(model) == YOLO[name]
    assert torch.equal(model(input)[0], before)


def _torchvision(levels: int, *heads: str) -> list[str]:
    return [*(f"backbone.fpn.inner_blocks.{level}.0" for level in range(levels)), *heads]


TORCHVISION = {
    "retinanet_resnet50_fpn": _torchvision(
        3, "head.classification_head.conv.0.0", "head.regression_head.conv.0.0"
    ),
    "fcos_resnet50_fpn": _torchvision(
        3, "head.classification_head.conv.0", "head.regression_head.conv.0"
    ),
    "fasterrcnn_resnet50_fpn": _torchvision(4, "rpn.head.conv.0.0"),
    "maskrcnn_resnet50_fpn": _torchvision(4, "rpn.head.conv.0.0", "roi_heads.mask_head.0.0"),
    "ssd300_vgg16": [
        f"head.{branch}_head.module_list.{level}"
        for branch in ("classification", "regression")
        for level in range(6)
    ],
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_detectors_get_coordinates_at_laterals_and_heads(name):
    detection = pytest.importorskip("torchvision.models.detection")
    with torch.device("meta"):
        model = getattr(detection, name)(weights=None, weights_backbone=None)
    assert found_in(model) == TORCHVISION[name]
