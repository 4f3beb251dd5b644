"""Learning curve: loss and scores at evenly spaced steps, kept across interruptions."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from coordconv_lab.errors import InputError
from coordconv_lab.results import CURVE_EXAMPLES
from coordconv_lab.train.events import Events

COLUMNS: tuple[str, ...] = (
    "step",
    "epoch",
    "seconds",
    "learning_rate",
    "train_loss",
    "train_score",
    "test_score",
)

Row = dict[str, float]


def sample(points: Tensor) -> Tensor:
    """Return a fixed sample of at most CURVE_EXAMPLES points, which is cheap to evaluate often."""
    if len(points) <= CURVE_EXAMPLES:
        return points
    chosen = np.random.RandomState(0).permutation(len(points))[:CURVE_EXAMPLES]
    return points[torch.from_numpy(np.sort(chosen)).to(points.device)]


def due_steps(steps: int, rows: int) -> frozenset[int]:
    """Return the steps after which a row is written, including the last step.

    Example:
        >>> sorted(due_steps(10, 4))
        [2, 5, 8, 10]
    """
    rows = min(rows, steps)
    return frozenset(round(steps * (row + 1) / rows) for row in range(rows))


class LearningCurve:
    """Rows of the learning curve of one run, with the columns COLUMNS."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._events: Events | None = None

    def show_in(self, directory: Path) -> None:
        """Also write future rows as TensorBoard events.

        Raises:
            InputError: The directory cannot be written, or is a link.
        """
        place = directory / "tensorboard"
        if place.is_symlink():
            raise InputError(
                f"{place} is a link, and runs are not written through links; remove it"
            )
        self._events = Events(place)

    def add(self, row: Mapping[str, float]) -> None:
        """Append a row.

        Raises:
            InputError: The disk is full, or not writable.
        """
        self.rows.append({column: row[column] for column in COLUMNS})
        if self._events is not None:
            self._events.add(row)

    def load_rows(self, rows: Iterable[Mapping[str, float]]) -> None:
        """Restore the rows from a checkpoint."""
        self.rows = [{column: float(row[column]) for column in COLUMNS} for row in rows]

    def as_csv(self) -> bytes:
        """Return the curve as the content of a CSV file with a header."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in self.rows)
        return text.getvalue().encode()
