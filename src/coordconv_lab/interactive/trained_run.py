"""A finished run, with access to all of its files."""

from functools import cached_property
from html import escape
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.results import Record
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.score_format import duration, score
from coordconv_lab.specs import ExperimentSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from coordconv_lab.interactive.drawing import Drawing
    from coordconv_lab.report.runs import Run


class TrainedRun:
    """A finished run: its record, network, predictions and figures.

    A notebook shows the scores and figures of the run. Files are read when they are first needed.

    Args:
        directory: Directory of the run.
        record: The record of the run.

    Attributes:
        directory: Directory of the run.
        record: Spec, scores, cost and provenance.
    """

    def __init__(self, directory: Path, record: Record) -> None:
        self.directory, self.record = directory, record

    @property
    def spec(self) -> ExperimentSpec:
        """The complete description of the run."""
        return self.record.spec

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """Scores by name, over all examples, for "train" and "test"."""
        return {str(side): dict(values) for side, values in self.record.scores.items()}

    @property
    def label(self) -> str:
        """Task, split, model and seed."""
        spec = self.spec
        return f"{spec.task}, {spec.data.split} split, {spec.model_name}, seed {spec.seed}"

    @cached_property
    def network(self) -> "nn.Module":
        """The trained network, in evaluation mode.

        For classification and rendering, the input is points (x, y) in pixels, (N, 2). For
        regression, it is one-hot images, (N, 1, H, W).

        Raises:
            InputError: The weights are missing, are damaged, or do not match the record.
        """
        from coordconv_lab.trained import trained_net

        return trained_net(self.directory)[0]

    @cached_property
    def files(self) -> "Run":
        """The content of the files of the run, with a message for each unusable file."""
        from coordconv_lab.report.runs import read_run

        return read_run(self.directory, self.record)

    @property
    def curve(self) -> list[CurveRow]:
        """The learning curve: seconds, epoch, training score and held-out score of each row.

        Raises:
            InputError: The file is missing or damaged.
        """
        return self._content(self.files.curve, "metrics.csv")

    @property
    def predictions(self) -> Any:
        """Scores and predictions at every position, as grids of rows and columns.

        `rows` and `columns` are the R rows and C columns of the positions. `is_train`, (R, C), says
        which positions were trained on. `score`, (R, C), is 0 or 1 for classification, the distance
        in pixels for regression, and the intersection over union for rendering. `predicted`,
        (R, C, 2), are the predicted points (x, y); it is None for rendering.

        Raises:
            InputError: The file is missing or damaged.
        """
        name = "predictions.npz"
        if name not in self.files.files:
            raise InputError(
                f"predictions of the task {self.spec.task} are not a grid of positions; read "
                f"{self.directory / name} with numpy.load"
            )
        return self._content(self.files.files[name], name)

    @property
    def scores_by_position(self) -> "NDArray[Any]":
        """The score at every position, (R, C): `predictions.score`.

        Raises:
            InputError: The file is missing or damaged.
        """
        return self.predictions.score

    def _content(self, content: Any, name: str) -> Any:
        if content is None:
            raise InputError(f"{self.directory}: {self.files.gaps[name]}")
        return content

    def predict(self, row: int, column: int) -> "NDArray[Any]":
        """Return the prediction for one position, which may be outside of the data.

        Args:
            row: Row of the center of the square.
            column: Column of the center.

        Returns:
            For classification and regression, the predicted point (x, y), (2,). For rendering, the
            probability that each pixel is white, (H, W).

        Raises:
            InputError: The position is not a pixel of the canvas, or the data have no canvas.
        """
        import torch

        from coordconv_lab.parts import data_of, objective_of

        canvas = getattr(self.spec.data, "canvas", None)
        if canvas is None:
            raise InputError(
                f"the examples of the task {self.spec.task} are not positions on a canvas; call "
                "the network with your own input"
            )
        height, width = canvas
        expected = f"expected a row from 0 to {height - 1} and a column from 0 to {width - 1}"
        try:
            row, column = index(row), index(column)
        except TypeError:
            raise InputError(f"{expected}, as integers; got {in_short((row, column))}") from None
        if not (0 <= row < height and 0 <= column < width):
            raise InputError(f"{expected}, got {in_short((row, column))}")
        task = objective_of(self.spec, data_of(self.spec))
        with torch.inference_mode():
            outputs = task.ask(self.network, torch.tensor([[column, row]]))
            return task.read(outputs)[0].squeeze(0).numpy()

    def show(self, *figures: str) -> "Drawing":
        """Draw figures of the run, as the report does.

        Args:
            *figures: Names of figures. "curve" shows the scores during training. "map" shows the
                score at every position. "predictions" shows arrows from points to predictions for
                regression, the number of predictions on each pixel for classification, and rendered
                squares for rendering. "split" shows training and held-out positions. By default,
                the first three figures of the task are drawn. Tasks of plug-ins have "curve" and
                the figures that the plug-in defines.

        Raises:
            InputError: The task has no such figure.
        """
        from coordconv_lab.interactive.run_figures import draw_run

        return draw_run(self, figures)

    def __repr__(self) -> str:
        train, test = self.main_scores
        return f"<run: {self.label}; training {train}, held out {test}; {self.directory}>"

    @property
    def main_scores(self) -> tuple[str, str]:
        """The main score on training and held-out examples, as text."""
        record, task = self.record, self.spec.task
        return score(record.train_score, task), score(record.test_score, task)

    def _repr_html_(self) -> str:
        from base64 import b64encode

        scores = self.scores
        rows = "".join(
            f"<tr><td>{escape(name.replace('_', ' '))}</td>"
            f"<td>{value:.4g}</td><td>{scores['test'][name]:.4g}</td></tr>"
            for name, value in scores["train"].items()
        )
        record, drawing = self.record, self.show()
        cost = (
            f"{record.parameters:,} parameters, {record.epochs} epochs, "
            f"{duration(record.seconds)}; {self.directory}"
        )
        image = b64encode(drawing.png()).decode()
        width = round(drawing.figure.get_size_inches()[0] * 100)
        return (
            f"<div><strong>{escape(self.label)}</strong><table><thead><tr><th>score</th>"
            f"<th>training</th><th>held out</th></tr></thead><tbody>{rows}</tbody></table>"
            f"<p><small>{escape(cost)}</small></p>"
            f'<img alt="{escape(drawing.alt)}" width="{width}" src="data:image/png;base64,{image}">'
            "</div>"
        )
