"""Heatmaps of the predictions of classifiers, after figure 5 of the paper."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coordconv_lab.report.answers import Answers
from coordconv_lab.report.pictures import paint
from coordconv_lab.report.runs import CELLS, Run, by_key, first_answers, models_of

TASK = "classification"
MOST = 3
"""Number of predictions on one pixel with the lightest color."""


class Landing(NamedTuple):
    """The predictions of a network for training or held-out positions.

    Attributes:
        side: train or test.
        picture: Data URL of a PNG image of the size of the canvas.
        size: Its width and height.
        words: Number of predictions, of different pixels, and the maximum on one pixel.
        gap: Why there is no image; "" if there is one.
    """

    model: str
    side: str
    picture: str = ""
    size: tuple[int, int] = (0, 0)
    words: str = ""
    gap: str = ""


class LandingRow(NamedTuple):
    """A split: both networks, training before held-out positions."""

    split: str
    landings: list[Landing]


def landing_rows(runs: Sequence[Run]) -> list[LandingRow]:
    """Create the heatmaps of the first seed of every network, also for missing runs."""
    groups = by_key(runs)
    return [
        LandingRow(
            split,
            [
                _landing(model, side, groups[TASK, split, model])
                for model in models_of(TASK)
                for side in ("train", "test")
            ],
        )
        for task, split in CELLS
        if task == TASK
    ]


def _landing(model: str, side: str, runs: list[Run]) -> Landing:
    found = first_answers(model, runs)
    if isinstance(found, str):
        return Landing(model, side, gap=found)
    run, answers = found
    height, width = run.record.spec.data.canvas
    counts = answered(answers, side, (height, width))
    landed, pixels = int(counts.sum()), int((counts > 0).sum())
    words = f"{landed:,} predictions on {pixels:,} pixels, at most {int(counts.max())} on one"
    return Landing(model, side, paint(np.minimum(counts / MOST, 1)), (width, height), words)


def answered(answers: Answers, side: str, canvas: tuple[int, int]) -> np.ndarray:
    """Count the predictions on each pixel, (H, W), for training or held-out positions.

    Predictions outside of the canvas are ignored.
    """
    assert answers.predicted is not None
    points = answers.predicted[answers.is_train == (side == "train")]
    inside = ((points >= 0) & (points < (canvas[1], canvas[0]))).all(axis=1)
    points = points[inside].astype(int)
    counts = np.zeros(canvas)
    np.add.at(counts, (points[:, 1], points[:, 0]), 1)
    return counts
