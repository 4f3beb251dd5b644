"""The tutorial's galleries: the squares that the nets paint at the places it shows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.report.answers import Answers
from coordconv_lab.report.pictures import png_address
from coordconv_lab.report.runs import Run, by_key, first_answers, models_of
from coordconv_lab.results.tutorial import GALLERY
from coordconv_lab.results.wording import overlap
from coordconv_lab.specs import DataSpec

TASK = "rendering"


class Example(NamedTuple):
    """One place: what was wanted, what was painted, and how well the two agree.

    Attributes:
        side: The side of the split that the place fell on in this run.
        target: A data address of the square; painted: of the net's picture.
    """

    row: int
    column: int
    side: str
    target: str
    painted: str
    iou: str


class GalleryPanel(NamedTuple):
    """Three examples of one net, or the gap in their place."""

    model: str
    examples: list[Example]
    gap: str


class GalleryRow(NamedTuple):
    """One split and side, the panels of both nets side by side, CoordConv first."""

    split: str
    side: str
    panels: list[GalleryPanel]


def gallery_rows(runs: Sequence[Run]) -> list[GalleryRow]:
    """Lay out the eight panels, whether or not their runs are there."""
    groups = by_key(runs)
    return [
        GalleryRow(
            split,
            side,
            [_panel(places, model, groups[TASK, split, model]) for model in models_of(TASK)],
        )
        for (split, side), places in GALLERY.items()
    ]


def _panel(places: Sequence[tuple[int, int]], model: str, runs: list[Run]) -> GalleryPanel:
    found = first_answers(model, runs)
    if isinstance(found, str):
        return GalleryPanel(model, [], found)
    run, answers = found
    every = (_example(place, answers, run.record.spec.data) for place in places)
    examples = [example for example in every if example is not None]
    gap = "" if examples else f"{run.label}: predictions.npz holds no picture of these places."
    return GalleryPanel(model, examples, gap)


def _example(place: tuple[int, int], answers: Answers, data: DataSpec) -> Example | None:
    gallery, (row, column) = answers.gallery, place
    if gallery is None or place not in gallery.places:
        return None
    if row not in answers.rows or column not in answers.columns:
        return None
    at = answers.rows.index(row), answers.columns.index(column)
    return Example(
        row,
        column,
        "train" if answers.is_train[at] else "test",
        png_address(target(place, data)),
        png_address(gallery.pictures[gallery.places.index(place)]),
        overlap(float(answers.score[at])),
    )


def target(place: tuple[int, int], data: DataSpec) -> NDArray[np.uint8]:
    """Draw the white square around a place: (H, W), 255 on it and 0 elsewhere.

    Args:
        place: Row and column of the centre.
        data: The canvas and the side of the square; an even side reaches one pixel further up and
            left.
    """
    pixels = np.zeros(data.canvas, dtype=np.uint8)
    top, left = (max(at - data.square // 2, 0) for at in place)
    bottom, right = (at - data.square // 2 + data.square for at in place)
    pixels[top:bottom, left:right] = 255
    return pixels
