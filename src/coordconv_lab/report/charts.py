"""Charts as plain data for Plotly, which the page draws; colours are names of its style sheet.

A colour that begins with two dashes is a custom property of page.css, so that a family of nets has
one colour everywhere, in the light scheme and in the dark one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from coordconv_lab.report.wording import family, named

Trace = dict[str, Any]
Axis = dict[str, Any]


class Chart(NamedTuple):
    """One drawing.

    Attributes:
        title: In a word or two.
        detail: What tells it from its neighbours.
        figure: Data and layout for Plotly; None where there is nothing to draw.
        notes: Runs or files that are missing, in words.
        alt: The chart in one sentence.
        caption: Lines below it.
    """

    title: str
    detail: str
    figure: dict[str, Any] | None
    notes: Sequence[str] = ()
    alt: str = ""
    caption: Sequence[str] = ()


def colour(model: str) -> str:
    """The colour of a net's family."""
    return f"--{family(model)}"


def figure(traces: Sequence[Trace], x: Axis, y: Axis, **layout: Any) -> dict[str, Any]:
    """Put traces and axes together."""
    return {"data": list(traces), "layout": {"xaxis": x, "yaxis": y, **layout}}


def line(
    x: Sequence[Any], y: Sequence[Any], model: str, words: Sequence[str] | None, **style: Any
) -> Trace:
    """A line in the colour of a net; `words` are read at its points, None makes it silent."""
    return _trace(x, y, model, words) | {"mode": "lines", "line": {"color": colour(model), **style}}


def dots(
    x: Sequence[Any], y: Sequence[Any], model: str, words: Sequence[str] | None, **style: Any
) -> Trace:
    """Markers in the colour of a net."""
    marker = {"color": colour(model), **style}
    return _trace(x, y, model, words) | {"mode": "markers", "marker": marker}


def _trace(
    x: Sequence[Any], y: Sequence[Any], model: str, words: Sequence[str] | None
) -> dict[str, Any]:
    trace: Trace = {"type": "scatter", "x": _drawn(x), "y": _drawn(y), "name": named(model)}
    if words is None:
        return trace | {"hoverinfo": "skip"}
    return trace | {"text": list(words), "hovertemplate": "%{text}<extra></extra>"}


def _drawn(values: Sequence[Any]) -> list[Any]:
    """Numbers that can be drawn; None, which leaves a gap, for those that cannot."""
    return [
        None if isinstance(value, float) and not math.isfinite(value) else value for value in values
    ]


def score_axis(task: str) -> Axis:
    """From nothing right to everything right."""
    axis = share_axis()
    return axis | {"ticktext": ["0", "0.5", "1"]} if task == "rendering" else axis


def share_axis() -> Axis:
    """From none to all, in percent."""
    return {
        "range": [-0.03, 1.04],
        "tickvals": [0.0, 0.5, 1.0],
        "ticktext": ["0%", "50%", "100%"],
    }


def logarithmic(title: str, bounds: tuple[float, float] | None = None, unit: str = "") -> Axis:
    """A logarithmic axis with a mark at every power of ten.

    Args:
        title: What it shows.
        bounds: Powers of ten at its ends, for charts that are to share it.
        unit: What stands behind every number.
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


def by_family(groups: Mapping[str, Any]) -> list[str]:
    """The nets of a chart in the order in which they are drawn: CoordConv over the others."""
    return sorted(groups, key=lambda model: model == "coordconv")
