"""Draw the maps, and the errors of regressors, with matplotlib, for papers and slides."""

from collections.abc import Mapping, Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coordconv_lab.experiments.notsoclevr.figures.arrows import arrow_charts
from coordconv_lab.experiments.notsoclevr.figures.maps import Map, MapRow, map_rows
from coordconv_lab.report.figures import (
    COLOURS,
    axes_of,
    empty_figure,
    figure_of_charts,
    show_image,
)
from coordconv_lab.report.page_format import named
from coordconv_lab.report.runs import Cell

_CHARACTERS = 28
"""Maximum number of characters of a title above a map."""


def paper_figures(drawn: Sequence[Cell]) -> Mapping[str, Figure]:
    """Return the figures that have at least one network to show, by name."""
    figures = {}
    if charts := arrow_charts(drawn):
        figures["errors"] = figure_of_charts(charts, 2)
    if rows := map_rows(drawn):
        figures["maps"] = figure_of_maps(rows)
    return figures


def figure_of_maps(rows: Sequence[MapRow]) -> Figure:
    """Draw the maps, with a row per cell of the table. The first image of a row is the split."""
    across = 1 + max(len(row.maps) for row in rows)
    figure = empty_figure(across * 2.2, len(rows) * 2.2)
    places = iter(axes_of(figure, len(rows), across))
    for row in rows:
        axes = next(places)
        axes.set_title(fill(f"{named(row.cell.task)}, {row.cell.data}", _CHARACTERS), fontsize=8)
        show_image(axes, "" if row.first is None else row.first.sides, "no predictions")
        for item in row.maps:
            _show_map(next(places), item)
        for _ in range(across - 1 - len(row.maps)):
            next(places).set_axis_off()
    return figure


def _show_map(axes: Axes, item: Map) -> None:
    title = fill(item.network.name, _CHARACTERS).replace("$", r"\$")
    axes.set_title(title, fontsize=8, color=COLOURS[f"--{item.network.style}"])
    show_image(axes, item.picture, item.gap)
    axes.set_xlabel("\n".join(item.sides_in_words), fontsize=6.5)
