"""Heatmaps of the predictions of classifiers, after figure 5 of the paper."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coordconv_lab.experiments.notsoclevr.figures.answers import Answers, first_answers
from coordconv_lab.report.pictures import paint
from coordconv_lab.report.runs import Cell, Network

TASK = "classification"
MOST = 3
"""Number of predictions on one pixel for which the pixel gets the lightest color."""


class Landing(NamedTuple):
    """The predictions of a network for training or held-out positions.

    Attributes:
        side: "train" or "test".
        picture: Data URL of a PNG image with the size of the canvas.
        size: Width and height of the image.
        words: The number of predictions, the number of different pixels, and the maximum number of
            predictions on one pixel, in words.
        gap: Why there is no image, or "" if there is one.
    """

    network: Network
    side: str
    picture: str = ""
    size: tuple[int, int] = (0, 0)
    words: str = ""
    gap: str = ""


class LandingRow(NamedTuple):
    """The heatmaps of every network in a cell of the table, training before held-out positions."""

    cell: Cell
    landings: list[Landing]


def landing_rows(cells: Sequence[Cell]) -> list[LandingRow]:
    """Create the heatmaps of the first seed of every network in the cells for classification."""
    return [
        LandingRow(
            cell,
            [landing_of(one, side) for one in cell.networks for side in ("train", "test")],
        )
        for cell in cells
        if cell.task == TASK
    ]


def landing_of(network: Network, side: str) -> Landing:
    """Create the heatmap of the first seed of a network."""
    answers = first_answers(network)
    if isinstance(answers, str):
        return Landing(network, side, gap=answers)
    height, width = network.first.record.spec.data.canvas
    counts = answered(answers, side, (height, width))
    landed, pixels = int(counts.sum()), int((counts > 0).sum())
    places = "1 pixel" if pixels == 1 else f"{pixels:,} pixels"
    words = f"{landed:,} predictions on {places}, at most {int(counts.max())} on one"
    return Landing(network, side, paint(np.minimum(counts / MOST, 1)), (width, height), words)


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
