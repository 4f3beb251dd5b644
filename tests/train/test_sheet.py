import io
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from coordconv_lab.experiments.notsoclevr.data import NotSoClevr
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.experiments.notsoclevr.tasks import Classification, Regression, Rendering, sheet
from coordconv_lab.experiments.notsoclevr.tasks.sheet import Sheet
from coordconv_lab.objective import Objective
from coordconv_lab.train.evaluate import evaluate, evaluate_as_trained

CANVAS = (10, 7)
ROWS, COLUMNS = range(2, 8), range(2, 5)
POINTS = torch.tensor([(x, y) for x in COLUMNS for y in ROWS])[torch.randperm(18)]


class Distances(nn.Module):
    """Logits that decrease with the distance from a point next to the input."""

    def forward(self, points: Tensor) -> Tensor:
        rows, columns = torch.meshgrid(*(torch.arange(n) for n in CANVAS), indexing="ij")
        x, y = points.T[..., None, None]
        return 2 - ((rows - y).abs() + (columns - x - 1).abs())[:, None].float()


def painted(task: Objective, net: nn.Module, as_trained: bool = False) -> NDArray[Any] | None:
    tiles = Sheet(task, POINTS, CANVAS)
    if as_trained:
        evaluate_as_trained(net, task, POINTS, 5, tiles.watch)
    else:
        evaluate(net, task, POINTS, 5, tiles.watch)
    png = tiles.png()
    return None if png is None else np.asarray(Image.open(io.BytesIO(png)).convert("L"))


@pytest.mark.parametrize("task", [Classification(CANVAS), Rendering(CANVAS, 3)])
@pytest.mark.parametrize("as_trained", [False, True])
def test_every_position_has_the_tile_of_its_image(task: Objective, as_trained: bool) -> None:
    pixels = painted(task, Distances(), as_trained)
    assert pixels is not None
    assert pixels.shape == (len(ROWS) * CANVAS[0], len(COLUMNS) * CANVAS[1])
    for row, top in zip(ROWS, range(0, len(pixels), CANVAS[0]), strict=True):
        for column, left in zip(COLUMNS, range(0, pixels.shape[1], CANVAS[1]), strict=True):
            outputs = Distances()(torch.tensor([[column, row]]))
            wanted = task.picture(outputs)
            assert wanted is not None
            tile = pixels[top : top + CANVAS[0], left : left + CANVAS[1]]
            assert np.abs(tile / 255 - wanted[0, 0].numpy()).max() <= 0.5 / 15 + 1e-6


def test_the_brightest_pixel_of_a_classifier_is_its_prediction() -> None:
    task = Classification(CANVAS)
    pixels = painted(task, Distances())
    assert pixels is not None
    answers = evaluate(Distances(), task, POINTS, 5).predictions
    assert answers is not None
    for (x, y), answer in zip(POINTS.tolist(), answers.tolist(), strict=True):
        top, left = (y - ROWS[0]) * CANVAS[0], (x - COLUMNS[0]) * CANVAS[1]
        tile = pixels[top : top + CANVAS[0], left : left + CANVAS[1]]
        assert tile[answer[1], answer[0]] == tile.max() == 255


def test_point_predictions_have_no_sheet() -> None:
    data = NotSoClevr(DataSpec(canvas=CANVAS, square=5))
    assert Regression(CANVAS).observer(data) is None


def test_a_sheet_that_is_too_large_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "LARGEST", 18 * CANVAS[0] * CANVAS[1] - 1)
    assert painted(Rendering(CANVAS, 3), Distances()) is None
