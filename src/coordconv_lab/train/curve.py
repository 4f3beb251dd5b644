"""The learning curve of a run: loss and scores at evenly spaced steps."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

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


def sample(examples: Tensor) -> Tensor:
    """Return at most CURVE_EXAMPLES fixed examples, so that frequent evaluations are cheap."""
    if len(examples) <= CURVE_EXAMPLES:
        return examples
    chosen = np.random.RandomState(0).permutation(len(examples))[:CURVE_EXAMPLES]
    return examples[torch.from_numpy(np.sort(chosen)).to(examples.device)]


class LearningCurve:
    """Rows of the learning curve of one run, with the columns COLUMNS.

    Attributes:
        rows: The rows.
        losses: The losses of the steps since the last row.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.losses: list[float] = []
        self._events: Events | None = None

    def show_in(self, directory: Path) -> None:
        """Also write future rows as TensorBoard events.

        Raises:
            InputError: The directory cannot be written.
        """
        self._events = Events(directory / "tensorboard")

    def add(self, row: Mapping[str, float]) -> None:
        """Append a row, whose `train_loss` is the mean of the losses since the last row.

        Raises:
            InputError: The disk is full or not writable.
        """
        row = {**row, "train_loss": sum(self.losses) / len(self.losses)}
        self.losses.clear()
        self.rows.append({column: row[column] for column in COLUMNS})
        if self._events is not None:
            self._events.add(self.rows[-1])

    def load(self, rows: Iterable[Mapping[str, float]], losses: Iterable[float]) -> None:
        """Restore the rows, and the losses since the last row, from a checkpoint."""
        self.losses = [float(loss) for loss in losses]
        self.rows = [{column: float(row[column]) for column in COLUMNS} for row in rows]

    def as_csv(self) -> bytes:
        """Return the curve as the content of a CSV file with a header."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in self.rows)
        return text.getvalue().encode()
