"""Galleries of the squares that networks render at the positions that the tutorial shows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.experiments.notsoclevr.figures.answers import Answers, first_answers
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.experiments.notsoclevr.tutorial_scores import GALLERY
from coordconv_lab.report.pictures import png_address
from coordconv_lab.report.runs import Cell, Network
from coordconv_lab.results.score_format import overlap

TASK = "rendering"


class Example(NamedTuple):
    """The target and the prediction at one position, and how well they agree.

    Attributes:
        side: The side of the split that the position is on in this run.
        target: Data URL of the square.
        painted: Data URL of the probabilities, from black for 0 to white for 1.
        stretched: Data URL of the probabilities, scaled so that the largest is white.
        largest: The largest probability in the image, in [0, 1].
    """

    row: int
    column: int
    side: str
    target: str
    painted: str
    stretched: str
    largest: float
    iou: str


class GalleryPanel(NamedTuple):
    """Three examples of one network, or a message if they are missing."""

    network: Network
    examples: list[Example]
    gap: str


class GalleryRow(NamedTuple):
    """A panel per network, for one cell of the table of results and one side of the split."""

    cell: Cell
    side: str
    panels: list[GalleryPanel]


def gallery_rows(cells: Sequence[Cell]) -> list[GalleryRow]:
    """Create the panels for rendering on canvases that have the tutorial's positions."""
    rows = [
        GalleryRow(cell, side, [panel_of(places, one) for one in cell.networks])
        for cell in cells
        if cell.task == TASK
        for (split, side), places in GALLERY.items()
        if split == cell.split and _are_on_the_canvas(places, cell)
    ]
    return [row for row in rows if any(panel.examples or panel.gap for panel in row.panels)]


def _are_on_the_canvas(places: Sequence[tuple[int, int]], cell: Cell) -> bool:
    data = cell.networks[0].first.record.spec.data
    before, after = data.square // 2, (data.square - 1) // 2
    return all(
        before <= at < side - after
        for place in places
        for at, side in zip(place, data.canvas, strict=True)
    )


def panel_of(places: Sequence[tuple[int, int]], network: Network) -> GalleryPanel:
    """Show the images that the first seed of a network rendered at the given positions."""
    answers = first_answers(network)
    if isinstance(answers, str):
        return GalleryPanel(network, [], answers)
    run = network.first
    every = (_example(place, answers, run.record.spec.data) for place in places)
    examples = [example for example in every if example is not None]
    gap = (
        ""
        if examples
        else f"{network.label(run)}: predictions.npz has no images of these positions."
    )
    return GalleryPanel(network, examples, gap)


def _example(place: tuple[int, int], answers: Answers, data: DataSpec) -> Example | None:
    gallery, (row, column) = answers.gallery, place
    if gallery is None or place not in gallery.places:
        return None
    if row not in answers.rows or column not in answers.columns:
        return None
    return example_at(place, gallery.pictures[gallery.places.index(place)], answers, data)


def example_at(
    place: tuple[int, int], painted: NDArray[np.uint8], answers: Answers, data: DataSpec
) -> Example:
    """Return the example of a position and its rendered image, (H, W), from 0 to 255."""
    row, column = place
    at = answers.rows.index(row), answers.columns.index(column)
    return Example(
        row,
        column,
        "train" if answers.is_train[at] else "test",
        png_address(target(place, data)),
        png_address(painted),
        png_address(stretch(painted)),
        float(painted.max()) / 255,
        overlap(float(answers.score[at])),
    )


def target(place: tuple[int, int], data: DataSpec) -> NDArray[np.uint8]:
    """Draw the white square around a position: (H, W), 255 inside and 0 elsewhere.

    Args:
        place: Row and column of the center.
        data: The canvas and the side of the square. If the side is even, the square reaches one
            pixel further up and left than down and right.
    """
    pixels = np.zeros(data.canvas, dtype=np.uint8)
    top, left = (max(at - data.square // 2, 0) for at in place)
    bottom, right = (at - data.square // 2 + data.square for at in place)
    pixels[top:bottom, left:right] = 255
    return pixels


def stretch(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale an image so that its largest value is 255, as TensorBoard does with float images.

    A faint spot becomes as bright as a white square, so a network that predicts only low
    probabilities seems to have drawn something.

    Args:
        pixels: The image, (H, W). A black image stays black.
    """
    largest = max(int(pixels.max()), 1)
    return np.rint(pixels * (255 / largest)).astype(np.uint8)
