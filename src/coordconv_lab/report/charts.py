"""Charts as plain data for Plotly.

Colors that start with two dashes are custom properties of page.css. A family of networks thus has
the same color everywhere, in the light and the dark scheme.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from coordconv_lab.registry import registry

Trace = dict[str, Any]
Axis = dict[str, Any]


class Chart(NamedTuple):
    """A chart with its title, notes and description.

    Attributes:
        title: Short title.
        detail: Subtitle that distinguishes it from other charts.
        figure: Data and layout for Plotly; None if there is nothing to draw.
        notes: Messages about missing runs or files.
        alt: Description of the chart in one sentence.
        caption: Lines below the chart.
    """

    title: str
    detail: str
    figure: dict[str, Any] | None
    notes: Sequence[str] = ()
    alt: str = ""
    caption: Sequence[str] = ()


def figure(traces: Sequence[Trace], x: Axis, y: Axis, **layout: Any) -> dict[str, Any]:
    """Combine traces and axes into a figure."""
    return {"data": list(traces), "layout": {"xaxis": x, "yaxis": y, **layout}}


def line(
    x: Sequence[Any], y: Sequence[Any], style: str, words: Sequence[str] | None, **look: Any
) -> Trace:
    """Return a line in the color of a style. `words` are the hover texts of the points."""
    return _trace(x, y, words) | {"mode": "lines", "line": {"color": f"--{style}", **look}}


def dots(
    x: Sequence[Any], y: Sequence[Any], style: str, words: Sequence[str] | None, **look: Any
) -> Trace:
    """Return markers in the color of a style. `words` are the hover texts of the markers."""
    return _trace(x, y, words) | {"mode": "markers", "marker": {"color": f"--{style}", **look}}


def _trace(x: Sequence[Any], y: Sequence[Any], words: Sequence[str] | None) -> Trace:
    trace: Trace = {"type": "scatter", "x": _drawn(x), "y": _drawn(y)}
    if words is None:
        return trace | {"hoverinfo": "skip"}
    return trace | {"text": list(words), "hovertemplate": "%{text}<extra></extra>"}


def _drawn(values: Sequence[Any]) -> list[Any]:
    """Replace NaN and infinity by None, which leaves a gap in the chart."""
    return [
        None if isinstance(value, float) and not math.isfinite(value) else value for value in values
    ]


def score_axis(task: str) -> Axis:
    """Return an axis for scores from 0 to 1, in percent if the task's score is in percent."""
    axis = share_axis()
    return (
        axis | {"ticktext": ["0", "0.5", "1"]}
        if not registry().task(task).main_score.percent
        else axis
    )


def share_axis() -> Axis:
    """Return an axis from 0% to 100%."""
    return {
        "range": [-0.03, 1.04],
        "tickvals": [0.0, 0.5, 1.0],
        "ticktext": ["0%", "50%", "100%"],
    }


def logarithmic(title: str, bounds: tuple[float, float] | None = None, unit: str = "") -> Axis:
    """Return a logarithmic axis with a tick at every power of ten.

    Args:
        title: Title of the axis.
        bounds: Powers of ten at the ends of the axis, so that several charts can share an axis.
        unit: Suffix of every tick label.
    """
    digits = "~g" if unit else "~s"
    axis: Axis = {
        "type": "log",
        "title": {"text": title},
        "dtick": 1,
        "tickformat": digits,
        "ticksuffix": unit,
    }
    return axis if bounds is None else axis | {"range": list(bounds)}
