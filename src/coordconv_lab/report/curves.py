"""Charts of learning curves, one per cell of the table."""

import math
from collections.abc import Sequence

from coordconv_lab.report.charts import Chart, Trace, figure, line, logarithmic, score_axis
from coordconv_lab.report.page_format import named, seconds
from coordconv_lab.report.runs import Cell, Network, Run
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.score_format import score

FAINT = 0.45
"""Opacity of all networks of a family except the best one."""

Drawn = list[tuple[Network, Run, list[CurveRow]]]


def time_bounds(times: Sequence[float]) -> tuple[float, float]:
    """Return the powers of ten, in seconds, that enclose all times."""
    above = [time for time in times if time > 0]
    if not above:
        return 0, 3
    low = math.floor(math.log10(min(above)))
    return low, max(low + 1, math.ceil(math.log10(max(above))))


def curve_charts(cells: Sequence[Cell]) -> list[Chart]:
    """Create a chart per cell, with a common time axis."""
    runs = [run for cell in cells for run in cell.runs]
    bounds = time_bounds([row.seconds for run in runs for row in run.curve or []])
    return [_chart(cell, bounds) for cell in cells]


def curve_chart(cell: Cell) -> Chart:
    """Create the chart of the learning curves of one cell."""
    return curve_charts([cell])[0]


def _chart(cell: Cell, bounds: tuple[float, float]) -> Chart:
    # Draw the best network last, so that it is on top.
    all_runs = [(one, run) for one in reversed(cell.networks) for run in one.runs]
    drawn: Drawn = [(one, run, run.curve) for one, run in all_runs if run.curve]
    notes = [
        f"{one.label(run)}: {run.gaps['metrics.csv']}." for one, run in all_runs if not run.curve
    ]
    best = {one.style: one.id for one in reversed(cell.networks)}
    traces = [
        _line(one, run, rows, side) | ({} if best[one.style] == one.id else {"opacity": FAINT})
        for side in ("train", "test")
        for one, run, rows in drawn
    ]
    x = logarithmic("training time", bounds, " s")
    plot = figure(traces, x, score_axis(cell.task)) if traces else None
    caption = _caption(cell, best)
    return Chart(named(cell.task), cell.detail, plot, notes, _in_words(cell, drawn), caption)


def _caption(cell: Cell, best: dict[str, str]) -> list[str]:
    if len(cell.networks) == len(best):
        return []
    names = [one.name for one in cell.networks if best[one.style] == one.id]
    others = [one.name for one in cell.networks if best[one.style] != one.id]
    return [f"Strong lines: {'; '.join(names)}.", f"Faint lines: {'; '.join(others)}."]


def _line(network: Network, run: Run, rows: list[CurveRow], side: str) -> Trace:
    scores = [row.test_score if side == "test" else row.train_score for row in rows]
    look = {"width": 2.4} if side == "test" else {"width": 1.3, "dash": "4px,3px"}
    times = [row.seconds for row in rows]
    return line(times, scores, network.style, [_words(network, run, row) for row in rows], **look)


def _words(network: Network, run: Run, row: CurveRow) -> str:
    return (
        f"{network.label(run)}, after {seconds(row.seconds)} s (epoch {row.epoch:.2g})<br>"
        f"held out {score(row.test_score, network.task)}, "
        f"training {score(row.train_score, network.task)}"
    )


def _in_words(cell: Cell, drawn: Drawn) -> str:
    ends = [
        f"{one.label(run)} ends at {score(rows[-1].test_score, cell.task)} on held-out examples "
        f"after {seconds(rows[-1].seconds)} seconds"
        for one, run, rows in reversed(drawn)
    ]
    return f"{cell.title}: " + ("; ".join(ends) or "no curve") + "."
