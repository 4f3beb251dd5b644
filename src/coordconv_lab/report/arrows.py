"""Charts of regression errors: an arrow from each point to its prediction."""

from collections.abc import Sequence

import numpy as np

from coordconv_lab.report.answers import Answers
from coordconv_lab.report.charts import Axis, Chart, Trace, dots, figure, line
from coordconv_lab.report.maps import off_by
from coordconv_lab.report.runs import CELLS, Run, by_key, first_answers, models_of
from coordconv_lab.report.wording import named

TASK = "regression"
EVERY = 4
"""Draw every fourth row and column."""


def arrow_charts(runs: Sequence[Run]) -> list[Chart]:
    """Create a chart for the first seed of each split and network, also for missing runs."""
    groups = by_key(runs)
    return [
        _chart(split, model, groups[TASK, split, model])
        for task, split in CELLS
        if task == TASK
        for model in models_of(TASK)
    ]


def _chart(split: str, model: str, runs: list[Run]) -> Chart:
    title, detail = named(model), f"{split} split"
    found = first_answers(model, runs)
    if isinstance(found, str):
        return Chart(title, detail, None, [found])
    run, answers = found
    height, width = run.record.spec.data.canvas
    traces = [trace for trained in (True, False) for trace in _arrows(model, answers, trained)]
    x: Axis = {"range": [-0.5, width - 0.5], "title": {"text": "column"}}
    # Rows go down, as in images.
    y: Axis = {"range": [height - 0.5, -0.5], "title": {"text": "row"}, "scaleanchor": "x"}
    means = tuple(
        f"{side}: {off_by(float(answers.score[answers.is_train == trained].mean()))} on average"
        for side, trained in (("training", True), ("held out", False))
        if (answers.is_train == trained).any()
    )
    return Chart(title, detail, figure(traces, x, y), alt="; ".join(means) + ".", caption=means)


def _arrows(model: str, answers: Answers, trained: bool) -> list[Trace]:
    """Return lines from points to predictions, with dots at the ends; faint for training points."""
    assert answers.predicted is not None
    xs, ys, ends, words = [], [], [], []
    for r, c in np.ndindex(answers.score.shape):
        predicted = answers.predicted[r, c]
        if r % EVERY or c % EVERY or answers.is_train[r, c] != trained:
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
    heads = dots([x for x, _ in ends], [y for _, y in ends], model, words, size=size)
    return [
        line(xs, ys, model, None, width=1.2) | {"opacity": opacity},
        heads | {"opacity": opacity},
    ]
