"""A trial of an ultralytics detector: find the square in the left half and ignore the other.

coordconv trial examples/trials/yolo_detector.py --arm first
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.ops import box_iou
from ultralytics import YOLO

EPOCHS, SIZE, FOLDER = 10, 64, Path(tempfile.mkdtemp())


def data(samples, seed):
    """Images with a square in each half, and the box of the left one, in pixels."""
    generator = np.random.default_rng(seed)
    images = np.zeros((samples, SIZE, SIZE, 3), "uint8")
    corners = generator.integers((0, 0), (SIZE - 12, SIZE // 2 - 12), (samples, 2, 2))
    for image, ((top, left), (other, right)) in zip(images, corners, strict=True):
        image[top : top + 12, left : left + 12] = 255
        image[other : other + 12, SIZE // 2 + right : SIZE // 2 + right + 12] = 255
    left = corners[:, 0, ::-1]
    return images, np.concatenate([left, left + 12], 1)


def write(split, samples, seed):
    """Write a part of the data set in the format of ultralytics."""
    for kind in ("images", "labels"):
        (FOLDER / kind / split).mkdir(parents=True, exist_ok=True)
    for index, (image, box) in enumerate(zip(*data(samples, seed), strict=True)):
        Image.fromarray(image).save(FOLDER / "images" / split / f"{index}.png")
        x, y = (box[:2] + box[2:]) / 2 / SIZE
        line = f"0 {x} {y} {12 / SIZE} {12 / SIZE}\n"
        (FOLDER / "labels" / split / f"{index}.txt").write_text(line)
    yaml = f"path: {FOLDER}\ntrain: images/train\nval: images/val\nnames: [square]\n"
    (FOLDER / "data.yaml").write_text(yaml)


def make():
    """Return a new network."""
    return YOLO("yolov8n.yaml").model


def train(model, seed):
    """Train it; ultralytics rebuilds the network, with coordinates in the same layers."""
    write("train", 96, 0)
    write("val", 8, 1)
    yolo = YOLO("yolov8n.yaml")
    yolo.model = model
    # Mirrored images would have wrong coordinates, and mosaics move them.
    options = {"fliplr": 0, "mosaic": 0, "scale": 0, "translate": 0, "plots": False, "amp": False}
    options |= {"imgsz": SIZE, "batch": 8, "nbs": 8, "optimizer": "AdamW", "lr0": 3e-3}
    options |= {"workers": 0, "device": "cpu", "project": str(FOLDER), "verbose": False}
    yolo.train(data=str(FOLDER / "data.yaml"), epochs=EPOCHS, seed=seed, **options)
    return yolo.model.float()


def score(model):
    """Return the mean overlap of the most confident box with the square on the left."""
    images, boxes = data(32, 2)
    with torch.no_grad():
        found = model.eval()(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)[0]
    best = found[torch.arange(32), :, found[:, 4].argmax(1)]
    corners = torch.cat([best[:, :2] - best[:, 2:4] / 2, best[:, :2] + best[:, 2:4] / 2], 1)
    return box_iou(corners, torch.from_numpy(boxes).float()).diagonal().mean().item()
