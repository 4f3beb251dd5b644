"""Draw the charts of the page with matplotlib, for papers and slides."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from PIL import Image

from coordconv_lab.report.charts import Chart, Trace

COLOURS = {
    "--coordconv": "#0072b2",
    "--baseline": "#d55e00",
    "--ground": "#ffffff",
}
"""The colors of the light scheme in page.css. A test checks that both are equal."""

MARKERS = {"circle": "o", "diamond": "D", "square": "s", "cross": "P"}
WIDTH = 3.2
"""Width of a chart in inches."""


def figure_of_charts(charts: Sequence[Chart], columns: int, height: float = 2.5) -> Figure:
    """Draw charts in a grid.

    Args:
        charts: Charts to draw. If a chart has no figure, its notes are shown instead.
        columns: Charts per row.
        height: Height of a chart in inches.
    """
    rows = -(-len(charts) // columns)
    figure = empty_figure(columns * WIDTH, rows * height)
    for chart, axes in zip(charts, axes_of(figure, rows, columns), strict=False):
        axes.set_title(_plain(f"{chart.title}, {chart.detail}"), fontsize=9)
        if chart.figure is None:
            write_in(axes, " ".join(chart.notes))
        else:
            draw_chart(axes, chart.figure)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def _legend() -> list[Line2D]:
    families = {"CoordConv": "--coordconv", "network without coordinates": "--baseline"}
    return [
        Line2D([], [], marker="o", linestyle="", color=COLOURS[colour], label=name)
        for name, colour in families.items()
    ]


def show_image(axes: Axes, address: str, gap: str) -> None:
    """Show the image of a data URL, or a message if the URL is empty."""
    if not address:
        write_in(axes, gap)
        return
    content = base64.b64decode(address.partition(",")[2])
    axes.imshow(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def empty_figure(width: float, height: float) -> Figure:
    """Return an empty figure that is not shown in a window, with a size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def axes_of(figure: Figure, rows: int, columns: int) -> list[Axes]:
    """Return the axes of a grid, row by row."""
    return list(figure.subplots(rows, columns, squeeze=False).ravel())


def _plain(text: str) -> str:
    """Escape dollar signs, which would start a formula in matplotlib."""
    return text.replace("$", r"\$")


def write_in(axes: Axes, text: str) -> None:
    """Write a message into empty axes."""
    axes.text(0.5, 0.5, _plain(text), ha="center", va="center", wrap=True, fontsize=7)
    axes.set_axis_off()


def draw_chart(axes: Axes, figure: Mapping[str, Any]) -> None:
    """Draw the figure of a chart into axes."""
    layout = figure["layout"]
    for trace in figure["data"]:
        _draw_trace(axes, trace)
    for mark in layout.get("annotations", ()):
        axes.text(mark["x"], mark["y"], _plain(mark["text"]), fontsize=6, ha="center", va="center",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip
    _set_axis(axes, "x", layout["xaxis"])
    _set_axis(axes, "y", layout["yaxis"])
    if "scaleanchor" in layout["yaxis"]:
        axes.set_aspect("equal")
    axes.grid(color="#dcdfe3", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_trace(axes: Axes, trace: Trace) -> None:
    x = [np.nan if value is None else value for value in trace["x"]]
    y = [np.nan if value is None else value for value in trace["y"]]
    alpha = trace.get("opacity", 1.0)
    if "fill" in trace:
        axes.fill(x, y, color=COLOURS[trace["fillcolor"]], alpha=alpha, linewidth=0)
    elif trace["mode"] == "lines":
        style = trace["line"]
        dashes = "--" if "dash" in style else "-"
        axes.plot(
            x, y, dashes, color=COLOURS[style["color"]], alpha=alpha, linewidth=style["width"] / 1.8
        )
    else:
        style = trace["marker"]
        axes.scatter(
            x,
            y,
            s=style["size"] ** 2 / 2,
            color=COLOURS[style["color"]],
            alpha=alpha * style.get("opacity", 1.0),
            marker=MARKERS[style.get("symbol", "circle")],
            linewidth=0,
        )


def _set_axis(axes: Axes, name: str, axis: Mapping[str, Any]) -> None:
    set_scale, set_label, set_limits = (
        getattr(axes, f"set_{name}{what}") for what in ("scale", "label", "lim")
    )
    drawn = getattr(axes, f"{name}axis")
    logarithmic = axis.get("type") == "log"
    if logarithmic:
        set_scale("log")
        drawn.set_major_formatter(_power(axis["ticksuffix"]))
    if "title" in axis:
        set_label(_plain(axis["title"]["text"]), fontsize=8)
    if "range" in axis:
        set_limits(*(10.0**end if logarithmic else end for end in axis["range"]))
    if "tickvals" in axis:
        texts = axis.get("ticktext", list(map(str, axis["tickvals"])))
        drawn.set_ticks(axis["tickvals"], [_plain(re.sub("<br>", "\n", text)) for text in texts])
    drawn.set_visible(axis.get("visible", True))
    drawn.set_tick_params(labelsize=7)


def _power(unit: str) -> FuncFormatter:
    return FuncFormatter(lambda value, _: f"{value:,g}{unit}")
