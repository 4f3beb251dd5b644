"""Charts of regression errors: an arrow from each point to its prediction."""

from collections.abc import Sequence

import numpy as np

from coordconv_lab.experiments.notsoclevr.figures.answers import Answers, first_answers
from coordconv_lab.experiments.notsoclevr.figures.maps import off_by
from coordconv_lab.report.charts import Axis, Chart, Trace, dots, figure, line
from coordconv_lab.report.runs import Cell, Network

TASK = "regression"
MOST = 16
"""If there are at most this many rows and columns, all of them are drawn."""


def every_for(answers: Answers) -> int:
    """Return n, so that every n-th row and column is drawn. For the tutorial's canvas, n is 4."""
    return max(1, round(max(answers.score.shape) / MOST))


def arrow_charts(cells: Sequence[Cell]) -> list[Chart]:
    """Create a chart for the first seed of every network in the cells for regression.

    A cell of the table of results has all networks for one task on the same data.
    """
    return [
        arrow_chart(cell.detail, network)
        for cell in cells
        if cell.task == TASK
        for network in cell.networks
    ]


def arrow_chart(detail: str, network: Network) -> Chart:
    """Create the chart of the first seed of a network."""
    answers = first_answers(network)
    if isinstance(answers, str):
        return Chart(network.name, detail, None, [answers])
    height, width = network.first.record.spec.data.canvas
    look = network.style
    traces = [trace for trained in (True, False) for trace in _arrows(look, answers, trained)]
    x: Axis = {"range": [-0.5, width - 0.5], "title": {"text": "column"}}
    # Rows go down, as in images.
    y: Axis = {"range": [height - 0.5, -0.5], "title": {"text": "row"}, "scaleanchor": "x"}
    means = tuple(
        f"{side}: {off_by(float(answers.score[answers.is_train == trained].mean()))} on average"
        for side, trained in (("training", True), ("held out", False))
        if (answers.is_train == trained).any()
    )
    plot = figure(traces, x, y)
    return Chart(network.name, detail, plot, alt="; ".join(means) + ".", caption=means)


def _arrows(style: str, answers: Answers, trained: bool) -> list[Trace]:
    """Return lines from points to predictions, with dots at the ends.

    Lines of training points are faint.
    """
    assert answers.predicted is not None
    xs, ys, ends, words = [], [], [], []
    every = every_for(answers)
    for r, c in np.ndindex(answers.score.shape):
        predicted = answers.predicted[r, c]
        if r % every or c % every or answers.is_train[r, c] != trained:
            continue
        if not np.isfinite(predicted).all():
            continue
        x, y = (round(float(value), 2) for value in predicted)
        xs += [answers.columns[c], x, None]
        ys += [answers.rows[r], y, None]
        ends.append((x, y))
        words.append(
            f"row {answers.rows[r]}, column {answers.columns[c]} "
            f"({'trained on' if trained else 'held out'})<br>"
            f"predicted row {y:g}, column {x:g}: {off_by(float(answers.score[r, c]))}"
        )
    opacity = 0.35 if trained else 1.0
    size = 4 if trained else 5
    heads = dots([x for x, _ in ends], [y for _, y in ends], style, words, size=size)
    return [
        line(xs, ys, style, None, width=1.2) | {"opacity": opacity},
        heads | {"opacity": opacity},
    ]
