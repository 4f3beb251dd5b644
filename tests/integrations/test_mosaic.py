"""The recipe for the mosaic of ultralytics: coordinates are those of the pixels that are shown."""

import os
import re
from pathlib import Path

import pytest
import torch

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
pytest.importorskip("ultralytics")

import numpy as np
from PIL import Image

from coordconv import Placement, convert, coordinate_grid, positions
from coordconv.integrations.coordinate_images import placement_of_coordinates
from coordconv.layers.coordinates import CoordinateLayer

SIZE = 64
GUIDE = (Path(__file__).parents[2] / "docs" / "positions.md").read_text()


@pytest.fixture
def dataset(tmp_path):
    """Images whose red and green say the row and the column of a pixel, and blue the image."""
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for number in range(6):
        colors = [3 * rows, 3 * columns, np.full_like(rows, 30 * number)]
        picture = Image.fromarray(np.stack(colors, -1).astype(np.uint8))
        picture.save(tmp_path / "images" / f"{number}.png")
        (tmp_path / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    (recipe,) = (
        one
        for one in re.findall(r"^```py\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
        if "ultralytics" in one
    )
    names = {"torch": torch}
    exec(recipe, names)
    made = names["WithCoordinates"](
        img_path=str(tmp_path / "images"), imgsz=SIZE, data={"names": {0: "square"}, "channels": 3}
    )
    return made, names["mosaic_with_coordinates"]


def test_a_mosaic_carries_the_coordinates_of_each_image(dataset):
    images, mosaic = dataset
    compared = 0
    for index in range(4):
        label, carried = mosaic(images, index, SIZE)
        assert label["img"].shape == (SIZE, SIZE, 3)
        assert carried.coordinates.shape == (1, 2, SIZE, SIZE)
        shown = torch.from_numpy(label["img"][..., ::-1].copy()).double()  # BGR to RGB
        x, y = carried.coordinates[0].double()
        row, column = (SIZE - 1) * (y + 1) / 2, (SIZE - 1) * (x + 1) / 2
        # Seams mix two images, in the colors as in the coordinates; there blue may be a mixture.
        blue = shown[..., 2]
        flat = torch.nn.functional.max_pool2d(blue[None], 3, 1, 1)[0]
        flat = flat + torch.nn.functional.max_pool2d(-blue[None], 3, 1, 1)[0] == 0
        inside = carried.inside[0, 0] & flat & (blue % 30 == 0)
        compared += int(inside.sum())
        errors = torch.stack([shown[..., 0] / 3 - row, shown[..., 1] / 3 - column]).abs()
        # Colors are rounded to a third of a pixel.
        assert (errors * inside).max() < 0.35
    assert compared > 4 * SIZE**2 / 4


def test_a_converted_model_gets_the_coordinates_of_a_mosaic(dataset):
    from ultralytics import YOLO

    images, mosaic = dataset
    model = convert(YOLO("yolov8n.yaml").model, where=["model.0.conv", "model.2.cv1.conv"]).eval()
    for module in model.modules():
        if isinstance(module, CoordinateLayer):
            torch.nn.init.normal_(module.coord_weight)
    label, carried = mosaic(images, 0, SIZE)
    x = torch.from_numpy(label["img"].copy()).permute(2, 0, 1)[None] / 255
    flipped = placement_of_coordinates(coordinate_grid((SIZE, SIZE)).flip(-1), (SIZE, SIZE))
    outputs = []
    with torch.no_grad():
        for placement in (
            placement_of_coordinates(carried.coordinates, (SIZE, SIZE)),
            flipped,
            Placement((SIZE, SIZE)).flip(-1),
        ):
            with positions(model, placement):
                outputs.append(model(x)[0])
    assert not torch.allclose(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[1], outputs[2], rtol=1e-4, atol=1e-3)
