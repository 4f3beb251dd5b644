"""Panels of single runs with matplotlib: the learning curve, and the panels of the experiment."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from coordconv_lab.report.charts import Chart
from coordconv_lab.report.curves import curve_chart
from coordconv_lab.report.figures import draw_chart, empty_figure, write_in
from coordconv_lab.report.panels import panels_of
from coordconv_lab.report.runs import Run, cells_of
from coordconv_lab.results.score_format import score

PANEL = (3.3, 2.9)
"""Width and height of a panel in inches."""

_LEGEND_COLOR = "#555c65"


class Panel(NamedTuple):
    """One set of axes in a figure.

    Attributes:
        title: Title above the axes.
        alt: Description in one sentence.
        draw: Function that draws into the axes.
    """

    title: str
    alt: str
    draw: Callable[[Axes], None]


def run_figures(task: str) -> Mapping[str, Callable[[Run], list[Panel]]]:
    """Return the figures of a run of a task, by name, the figures of its experiment last."""
    return {"curve": lambda run: [_curve(run)], **panels_of(task).run_figures(task)}


def figure_of_panels(panels: Sequence[Panel], columns: int) -> Figure:
    """Draw panels in a grid."""
    rows, columns = -(-len(panels) // columns), min(columns, len(panels))
    figure = empty_figure(columns * PANEL[0], rows * PANEL[1])
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places[len(panels) :]:
        axes.set_axis_off()
    for panel, axes in zip(panels, places, strict=False):
        axes.set_title(panel.title.replace("$", r"\$"), fontsize=9)
        panel.draw(axes)
    return figure


def draw_chart_or_notes(axes: Axes, chart: Chart) -> None:
    """Draw a chart, or write why there is none."""
    if chart.figure is None:
        write_in(axes, " ".join(chart.notes))
    else:
        draw_chart(axes, chart.figure)


def _curve(run: Run) -> Panel:
    chart = curve_chart(cells_of([run])[0])

    def draw(axes: Axes) -> None:
        draw_chart_or_notes(axes, chart)
        if chart.figure is not None:
            solid = Line2D([], [], color=_LEGEND_COLOR, linestyle="-", label="held out")
            dashed = Line2D([], [], color=_LEGEND_COLOR, linestyle="--", label="training")
            axes.legend(handles=[solid, dashed], fontsize=7, frameon=False, loc="center right")

    test = score(run.record.test_score, run.record.spec.task)
    return Panel(f"Learning curve, held out {test} at the end", chart.alt, draw)


def image_panel(title: str, pixels: np.ndarray) -> Panel:
    """Return a panel with an image, (H, W), scaled from black (lowest) to white (highest value)."""
    height, width = pixels.shape
    low, high = (f"{value:.3g}" for value in (pixels.min(), pixels.max()))
    words = "" if pixels.dtype == bool else f"from {low} to {high}"

    def draw(axes: Axes) -> None:
        axes.imshow(pixels, cmap="gray", interpolation="nearest")
        axes.tick_params(labelsize=7)
        axes.set_xlabel(words, fontsize=7)

    size = f"{height} x {width} pixels"
    return Panel(title, f"{title}: {', '.join(filter(None, (size, words)))}", draw)
