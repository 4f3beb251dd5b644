"""A YOLO model with coordinates, in everything that ultralytics does with a model.

The model is built from YAML, converted, trained for an epoch on images with one white square each,
validated, fused, saved, loaded in another process and exported to ONNX. The outputs of all versions
are compared, and docs/real-models.md shows the results. This needs ultralytics, onnx and
onnxruntime.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coordconv import convert, revert
from coordconv.layers.coordinates import CoordinateLayer

RESULT = Path(__file__).parent / "results" / "yolo_end_to_end.json"
TRAINING = {
    "epochs": 1,
    "imgsz": 64,
    "batch": 8,
    "nbs": 8,  # one optimizer step per batch
    "optimizer": "AdamW",
    "lr0": 0.006,
    "workers": 0,
    "plots": False,
    "amp": False,  # the check of AMP would download a model
    "device": "cpu",
    "verbose": False,
}
CASES = [("yolov8n.yaml", "first"), ("yolov8n.yaml", "all"), ("yolo11n.yaml", "first")]
ELSEWHERE = """
import sys
import torch
from ultralytics import YOLO

images, outputs = torch.load(sys.argv[2]), []
model = YOLO(sys.argv[1]).model.eval()
with torch.no_grad():
    outputs = [model(images)[0], model.fuse(verbose=False)(images)[0]]
torch.save(outputs, sys.argv[3])
"""


def write_squares(folder: Path, images: int = 96, size: int = 64) -> Path:
    """Write images with a white square and their boxes; return the YAML of the data set."""
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for index in range(images):
            side = int(generator.integers(size // 8, size // 3))
            x, y = generator.integers(0, size - side, 2)
            image = np.zeros((size, size, 3), np.uint8)
            image[y : y + side, x : x + side] = 255
            Image.fromarray(image).save(folder / "images" / split / f"{index}.png")
            box = [(x + side / 2) / size, (y + side / 2) / size, side / size, side / size]
            line = " ".join(map(str, [0, *box]))
            (folder / "labels" / split / f"{index}.txt").write_text(f"{line}\n")
    description = folder / "squares.yaml"
    description.write_text(
        f"path: {folder}\ntrain: images/train\nval: images/val\nnames: [square]\n"
    )
    return description


def train(architecture: str, where: Any, folder: Path) -> Any:
    """Convert a model and train it for an epoch."""
    from ultralytics import YOLO

    torch.manual_seed(0)
    model = YOLO(architecture)
    convert(model.model, where=where)
    data = folder / "squares.yaml"
    if not data.exists():
        write_squares(folder)
    model.train(data=str(data), project=str(folder), **TRAINING)
    return model


def outputs_of(model: Any, images: Tensor, folder: Path) -> dict[str, Tensor]:
    """Return the outputs of a model: unchanged, fused, loaded in another process, and from ONNX.

    The output without coordinates shows that the model uses them.
    """
    outputs = {}
    with torch.no_grad():
        outputs["trained"] = copy.deepcopy(model.model).eval()(images)[0]
        outputs["fused"] = copy.deepcopy(model.model).eval().fuse(verbose=False)(images)[0]
        plain = revert(copy.deepcopy(model.model), discard=True).eval()
        outputs["without coordinates"] = plain(images)[0]
        outputs["before saving"] = model.trainer.ema.ema(images)[0]
    outputs["loaded"], outputs["loaded and fused"] = _elsewhere(model, images, folder)
    outputs["onnx"] = _in_onnxruntime(model, images)
    return outputs


def _elsewhere(model: Any, images: Tensor, folder: Path) -> list[Tensor]:
    """Return the outputs in another process, which imports ultralytics but not this package."""
    torch.save(images, folder / "images.pt")
    command = [sys.executable, "-c", ELSEWHERE, str(model.trainer.best)]
    command += [str(folder / "images.pt"), str(folder / "outputs.pt")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return torch.load(folder / "outputs.pt")


def _in_onnxruntime(model: Any, images: Tensor) -> Tensor:
    import onnxruntime

    batch, _, *size = images.shape
    file = model.export(format="onnx", imgsz=size, batch=batch, simplify=False, verbose=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (name,) = (given.name for given in session.get_inputs())
    return torch.from_numpy(session.run(None, {name: images.numpy()})[0])


def _largest(values: Tensor) -> float:
    return values.abs().max().item()


def largest_weight(model: torch.nn.Module) -> float:
    """Return the largest coordinate weight. All are zero before training."""
    layers = [one for one in model.modules() if isinstance(one, CoordinateLayer)]
    return max(_largest(one.coord_weight.detach()) for one in layers)


def measure(architecture: str, where: Any, folder: Path) -> dict[str, Any]:
    """Train a model, and compare its outputs."""
    model = train(architecture, where, folder)
    images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    outputs = outputs_of(model, images, folder)
    reference, without = outputs.pop("trained"), outputs.pop("without coordinates")
    before = outputs.pop("before saving")  # in float32; the checkpoint is in half precision
    metrics = model.val(
        data=str(folder / "squares.yaml"), **{"imgsz": 64, "plots": False, "workers": 0}
    )
    return {
        "architecture": architecture,
        "where": where,
        "converted": sum(isinstance(one, CoordinateLayer) for one in model.model.modules()),
        "largest_coordinate_weight": largest_weight(model.model),
        "largest_output": _largest(reference),
        "difference": {name: _largest(output - reference) for name, output in outputs.items()},
        "difference_of_half_precision": _largest(before - reference),
        "difference_without_coordinates": _largest(without - reference),
        "map50": float(metrics.box.map50),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp())
    rows = []
    for architecture, where in (
        ("yolov8n.yaml", "first"),
        ("yolov8n.yaml", "all"),
        ("yolo11n.yaml", "first"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(architecture, where, Path(folder)))
            print(json.dumps(rows[-1], indent=1), flush=True)
    import onnxruntime
    import ultralytics

    versions = {"torch": torch.__version__, "ultralytics": ultralytics.__version__}
    versions["onnxruntime"] = onnxruntime.__version__
    arguments.out.write_text(json.dumps({"versions": versions, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
