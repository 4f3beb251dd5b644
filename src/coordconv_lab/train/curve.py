"""The learning curve: loss and scores at evenly spaced steps, kept across interruptions."""

import csv
import io
import time
from collections.abc import Callable
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from coordconv_lab.results import CURVE_EXAMPLES

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
    """At most CURVE_EXAMPLES points, always the same: enough for a curve, cheap to ask often."""
    if len(points) <= CURVE_EXAMPLES:
        return points
    chosen = np.random.RandomState(0).permutation(len(points))[:CURVE_EXAMPLES]
    return points[torch.from_numpy(np.sort(chosen))]


class LearningCurve(Callback):
    """Write down one row at each of a number of evenly spaced steps.

    Args:
        score: From a net and points to the main score.
        train_points: Where the training score is measured, (N, 2).
        test_points: Where the test score is measured, (N, 2).
        steps: Steps of the whole run.
        rows: How many rows to write.

    Attributes:
        rows: The rows so far, in the order of COLUMNS.
        seconds: Wall time of training so far, over all sittings.
    """

    def __init__(
        self,
        score: Callable[[nn.Module, Tensor], float],
        train_points: Tensor,
        test_points: Tensor,
        steps: int,
        rows: int,
    ) -> None:
        self.score = score
        self.train_points, self.test_points = sample(train_points), sample(test_points)
        self.due = {round(steps * (row + 1) / rows) for row in range(rows)}
        self.rows: list[Row] = []
        self._losses: list[float] = []
        self._seconds_before, self._started = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall time of training so far, in seconds, over all sittings."""
        return self._seconds_before + time.monotonic() - self._started

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Start the clock of this sitting."""
        self._started = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        """Gather the loss; at a due step, measure and write a row."""
        self._losses.append(float(outputs["loss"]))
        if trainer.global_step not in self.due:
            return
        net = pl_module.net
        assert isinstance(net, nn.Module)
        row = {
            "step": trainer.global_step,
            "epoch": trainer.current_epoch + (batch_idx + 1) / int(trainer.num_training_batches),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "train_loss": sum(self._losses) / len(self._losses),
            "train_score": self.score(net, self.train_points),
            "test_score": self.score(net, self.test_points),
            "seconds": self.seconds,
        }
        self._losses.clear()
        self.rows.append({column: row[column] for column in COLUMNS})
        if trainer.logger is not None:
            trainer.logger.log_metrics(row, step=trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to write the same curve."""
        return {"rows": self.rows, "losses": self._losses, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the curve of an earlier sitting."""
        self.rows = list(state_dict["rows"])
        self._losses = list(state_dict["losses"])
        self._seconds_before = state_dict["seconds"]

    def as_csv(self) -> bytes:
        """The curve as the content of a CSV file with a header."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in self.rows)
        return text.getvalue().encode()
