"""Maps of the score of each network at every position of the square."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coordconv_lab.experiments.notsoclevr.figures.answers import Answers, first_answers
from coordconv_lab.report.pictures import paint, paint_sides
from coordconv_lab.report.runs import Cell, Network
from coordconv_lab.results.score_format import overlap

NEAREST, FARTHEST = 0.1, 30.0
"""Distances in pixels at the light and the dark end of the logarithmic color scale."""


class Box(NamedTuple):
    """The rectangle of held-out positions, in percent of the map."""

    left: float
    top: float
    width: float
    height: float


class Map(NamedTuple):
    """The map of a network, or a message if it is missing.

    Attributes:
        gap: Why there is no map, or "" if there is one.
        picture: Data URL of a PNG image with one pixel per position.
        sides: Data URL of an image that shows which positions are for training and held out.
        box: The rectangle of held-out positions; None if they are scattered.
        probe: Data for the script of the page to describe a position and its score.
    """

    network: Network
    gap: str
    picture: str = ""
    sides: str = ""
    size: tuple[int, int] = (0, 0)
    box: Box | None = None
    sides_in_words: tuple[str, ...] = ()
    alt: str = ""
    probe: dict[str, Any] | None = None


class MapRow(NamedTuple):
    """The maps of one cell of the table of results, the best network first."""

    cell: Cell
    maps: list[Map]

    @property
    def first(self) -> Map | None:
        """The first map that exists. Its ``sides`` show the split of this row."""
        return next((item for item in self.maps if not item.gap), None)


def map_rows(cells: Sequence[Cell]) -> list[MapRow]:
    """Draw the maps of the first seed of every network in each cell."""
    return [MapRow(cell, [map_of(network) for network in cell.networks]) for cell in cells]


def map_of(network: Network) -> Map:
    """Draw the map of the first seed of a network."""
    found = first_answers(network)
    if isinstance(found, str):
        return Map(network, found)
    words = tuple(side_in_words(network.task, found, train) for train in (True, False))
    return Map(
        network,
        "",
        paint(lit(network.task, found.score)),
        paint_sides(found.is_train),
        (len(found.columns), len(found.rows)),
        held_out_box(found.is_train),
        words,
        f"{network.name}, {network.task}: {'; '.join(words)}.",
        probe_of(network.task, found),
    )


def lit(task: str, score: NDArray[Any]) -> NDArray[np.float64]:
    """Return the brightness of each score: 0 for the worst, 1 for the best."""
    if task != "regression":
        return np.nan_to_num(score, nan=0.0).clip(0, 1)
    distance = np.nan_to_num(score, nan=FARTHEST, posinf=FARTHEST).clip(NEAREST, FARTHEST)
    return np.log(FARTHEST / distance) / np.log(FARTHEST / NEAREST)


def held_out_box(is_train: NDArray[Any]) -> Box | None:
    """Return the rectangle that the held-out positions fill exactly, or None."""
    rows, columns = np.nonzero(~is_train)
    if not len(rows):
        return None
    top, left = rows.min(), columns.min()
    height, width = rows.max() - top + 1, columns.max() - left + 1
    if height * width != len(rows):
        return None
    down, right = 100 / is_train.shape[0], 100 / is_train.shape[1]
    edges = (left * right, top * down, width * right, height * down)
    return Box(*(round(float(edge), 3) for edge in edges))


def side_in_words(task: str, answers: Answers, train: bool) -> str:
    """Summarize the scores of training or held-out positions."""
    values = answers.score[answers.is_train == train]
    side = "training" if train else "held out"
    if not len(values):
        return f"{side}: no positions"
    if task == "classification":
        return f"{side}: {int((values == 1).sum()):,} of {len(values):,}"
    if task == "regression":
        return f"{side}: mean {off_by(float(values.mean()))}"
    return f"{side}: mean IoU {overlap(float(values.mean()))}"


def off_by(distance: float) -> str:
    """Format a distance in pixels."""
    if not np.isfinite(distance):
        return "infinitely far off" if distance == np.inf else "not a number"
    return "< 0.01 px off" if distance < 0.01 else f"{distance:.2f} px off"


def probe_of(task: str, answers: Answers) -> dict[str, Any]:
    """Return the scores and predictions at every position, for the scripts of the page."""
    words = [_words(task, answers, place) for place in np.ndindex(answers.score.shape)]
    labels = list(dict.fromkeys(words))
    number = {label: index for index, label in enumerate(labels)}
    predicted = answers.predicted
    return {
        "rows": answers.rows,
        "columns": answers.columns,
        "heldOut": "".join("01"[int(not side)] for side in answers.is_train.ravel()),
        "labels": labels,
        "label": [number[word] for word in words],
        # Predicted points (x, y), flattened. Empty if predictions are images.
        "predicted": [] if predicted is None else _short(predicted.ravel()),
    }


def _short(values: NDArray[Any]) -> list[float | None]:
    """Round to two decimals, write integers without a point, and replace NaN by None."""
    return [
        None if not np.isfinite(value) else int(value) if value == int(value) else round(value, 2)
        for value in values.tolist()
    ]


def _words(task: str, answers: Answers, place: tuple[int, ...]) -> str:
    value = float(answers.score[place])
    if task == "rendering":
        return f"IoU {overlap(value)}"
    if task == "regression":
        return off_by(value)
    if value == 1 or answers.predicted is None:
        return "right" if value == 1 else "wrong"
    column, row = answers.predicted[place]
    return f"wrong, predicted row {row:.0f}, column {column:.0f}"
