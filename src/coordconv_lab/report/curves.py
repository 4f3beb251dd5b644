"""Charts of learning curves, one per task and split."""

import math
from collections.abc import Sequence

from coordconv_lab.report.charts import Chart, Trace, figure, line, logarithmic, score_axis
from coordconv_lab.report.runs import CELLS, Run, by_key, models_of
from coordconv_lab.report.wording import named, seconds
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.wording import score

Drawn = list[tuple[Run, list[CurveRow]]]


def time_bounds(times: Sequence[float]) -> tuple[float, float]:
    """Return the powers of ten, in seconds, that enclose all times."""
    above = [time for time in times if time > 0]
    if not above:
        return 0, 3
    low = math.floor(math.log10(min(above)))
    return low, max(low + 1, math.ceil(math.log10(max(above))))


def curve_charts(runs: Sequence[Run]) -> list[Chart]:
    """Create the six charts, also for missing runs, with a common time axis."""
    bounds = time_bounds([row.seconds for run in runs for row in run.curve or []])
    groups = by_key(runs)
    return [
        _chart(cell, {model: groups[*cell, model] for model in models_of(cell[0])}, bounds)
        for cell in CELLS
    ]


def _chart(
    cell: tuple[str, str], models: dict[str, list[Run]], bounds: tuple[float, float]
) -> Chart:
    task, split = cell
    # The baseline first, so that CoordConv is drawn on top.
    runs = [run for model in reversed(models) for run in models[model]]
    drawn: Drawn = [(run, run.curve) for run in runs if run.curve]
    notes = [f"No run of {named(model)} here." for model in models if not models[model]]
    notes += [f"{run.label}: {run.gaps['metrics.csv']}." for run in runs if not run.curve]
    traces = [_line(run, rows, side) for side in ("train", "test") for run, rows in drawn]
    x = logarithmic("time of training", bounds, " s")
    plot = figure(traces, x, score_axis(task)) if traces else None
    return Chart(named(task), f"{split} split", plot, notes, _in_words(task, split, drawn))


def _line(run: Run, rows: list[CurveRow], side: str) -> Trace:
    scores = [row.test_score if side == "test" else row.train_score for row in rows]
    style = {"width": 2.4} if side == "test" else {"width": 1.3, "dash": "4px,3px"}
    times = [row.seconds for row in rows]
    return line(times, scores, run.key[2], [_words(run, row) for row in rows], **style)


def _words(run: Run, row: CurveRow) -> str:
    task = run.record.spec.task
    return (
        f"{run.label}, after {seconds(row.seconds)} s (epoch {row.epoch:.2g})<br>"
        f"held out {score(row.test_score, task)}, training {score(row.train_score, task)}"
    )


def _in_words(task: str, split: str, drawn: Drawn) -> str:
    ends = [
        f"{run.label} ends at {score(rows[-1].test_score, task)} on held-out examples after "
        f"{seconds(rows[-1].seconds)} seconds"
        for run, rows in reversed(drawn)
    ]
    return f"{named(task)}, {split} split: " + ("; ".join(ends) or "no curve") + "."
