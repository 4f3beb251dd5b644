"""Draw the charts and images of the report for single runs, with matplotlib."""

import base64
import io
from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from PIL import Image

from coordconv_lab.experiments.notsoclevr.figures.answers import Answers, answers_of, first_answers
from coordconv_lab.experiments.notsoclevr.figures.arrows import arrow_chart
from coordconv_lab.experiments.notsoclevr.figures.gallery import Example, example_at, panel_of
from coordconv_lab.experiments.notsoclevr.figures.landings import landing_of
from coordconv_lab.experiments.notsoclevr.figures.maps import Map, map_of
from coordconv_lab.experiments.notsoclevr.tutorial_scores import GALLERY
from coordconv_lab.report.figures import show_image, write_in
from coordconv_lab.report.page_format import capitalize_first, named
from coordconv_lab.report.pictures import HELD_OUT, SCALE, css_colour, paint_sides
from coordconv_lab.report.run_panels import Panel, draw_chart_or_notes
from coordconv_lab.report.runs import Network, Run, cells_of

_EXAMPLES = 3
"""Number of rendered squares in a panel."""

_SCALE_ENDS = {
    "regression": ("30 px off", "right"),
    "classification": ("wrong", "right"),
    "rendering": ("IoU 0", "IoU 1"),
}


def run_figures(task: str) -> Mapping[str, Callable[[Run], list[Panel]]]:
    """Return the figures of a run.

    "map" is the score at every position. "predictions" shows arrows from each point to its
    prediction for regression, the number of predictions on each pixel for classification, and
    rendered squares for rendering. "split" is the map of training and held-out positions.
    """
    if task not in _PREDICTIONS:
        return {}
    return {
        "map": lambda run: [_map(run)],
        "predictions": _PREDICTIONS[task],
        "split": lambda run: [_split(run)],
    }


def _network(run: Run) -> Network:
    (cell,) = cells_of([run])
    return cell.networks[0]


def _map(run: Run) -> Panel:
    item = map_of(_network(run))

    def draw(axes: Axes) -> None:
        show_image(axes, item.picture, item.gap)
        if item.gap:
            return
        _outline(axes, item)
        axes.set_xlabel("\n".join(item.sides_in_words), fontsize=7)
        _show_scale(axes, _SCALE_ENDS[run.record.spec.task])

    return Panel("Score at every position", item.alt or item.gap, draw)


def _outline(axes: Axes, item: Map) -> None:
    """Draw the border of the held-out positions if they form a rectangle."""
    if item.box is None:
        return
    width, height = (side / 100 for side in item.size)
    corner = (item.box.left * width - 0.5, item.box.top * height - 0.5)
    size = item.box.width * width, item.box.height * height
    axes.add_patch(Rectangle(corner, *size, fill=False, color=css_colour(HELD_OUT), linewidth=2))


def _show_scale(axes: Axes, ends: tuple[str, str]) -> None:
    colours = LinearSegmentedColormap.from_list("", [css_colour(colour) for colour in SCALE])
    figure = axes.figure
    bar = figure.colorbar(ScalarMappable(cmap=colours), ax=axes, shrink=0.7)
    bar.set_ticks([0, 1], labels=ends)
    bar.ax.tick_params(labelsize=7, length=0)


def _split(run: Run) -> Panel:
    answers = first_answers(_network(run))
    if isinstance(answers, str):
        gap = answers
        return Panel("Split", gap, lambda axes: write_in(axes, gap))
    held_out = int((~answers.is_train).sum())
    words = f"{answers.is_train.size - held_out:,} training positions, {held_out:,} held out (red)"

    def draw(axes: Axes) -> None:
        show_image(axes, paint_sides(answers.is_train), "")
        axes.set_xlabel(words, fontsize=7)

    return Panel(f"{capitalize_first(run.record.spec.data.split)} split", words, draw)


def _arrows(run: Run) -> list[Panel]:
    chart = arrow_chart(f"{run.record.spec.data.split} split", _network(run))

    def draw(axes: Axes) -> None:
        draw_chart_or_notes(axes, chart)
        if chart.figure is not None:
            axes.set_xlabel("\n".join(("column", *chart.caption)), fontsize=7)

    return [Panel("From each point to its prediction", chart.alt, draw)]


def _landings(run: Run) -> list[Panel]:
    panels = []
    for side in ("train", "test"):
        item = landing_of(_network(run), side)

        def draw(axes: Axes, item=item) -> None:
            show_image(axes, item.picture, item.gap)
            axes.set_xlabel(item.words, fontsize=7)

        title = f"Predictions, {named(side)}"
        panels.append(Panel(title, f"{title}: {item.words or item.gap}", draw))
    return panels


def _galleries(run: Run) -> list[Panel]:
    return [_gallery(run, side) for side in ("train", "test")]


def _gallery(run: Run, side: str) -> Panel:
    panel = panel_of(GALLERY[run.record.spec.data.split, side], _network(run))
    examples, gap, answers = panel.examples, panel.gap, answers_of(run)
    if len(examples) < _EXAMPLES and run.files.get("sheet.png") and answers:
        examples, gap = _examples_of_sheet(run, answers, side), ""
    title = f"Target squares and rendered squares, {named(side)}"
    words = "; ".join(f"row {one.row}, column {one.column}: IoU {one.iou}" for one in examples)

    def draw(axes: Axes) -> None:
        if gap:
            write_in(axes, gap)
            return
        axes.set_axis_off()
        for index, one in enumerate(examples):
            for row, address in enumerate((one.target, one.painted)):
                place = (index / _EXAMPLES, 0.52 - 0.54 * row, 0.31, 0.44)
                inner = axes.inset_axes(place)
                show_image(inner, address, "")
                text = f"{one.row:02}-{one.column:02}" if row == 0 else f"IoU {one.iou}"
                inner.set_title(text, fontsize=7, pad=2)

    return Panel(title, f"{title}. {words or gap}", draw)


def _examples_of_sheet(run: Run, answers: Answers, side: str) -> list[Example]:
    """Cut examples out of the sprite sheet, for canvases without the positions of the tutorial."""
    data, content = run.record.spec.data, (run.files.get("sheet.png") or "").partition(",")[2]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("L"))
    places = np.argwhere(answers.is_train == (side == "train"))
    height, width = data.canvas
    examples = []
    for index in range(_EXAMPLES):
        row, column = places[(2 * index + 1) * len(places) // (2 * _EXAMPLES)]
        tile = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        place = answers.rows[row], answers.columns[column]
        examples.append(example_at(place, tile, answers, data))
    return examples


_PREDICTIONS: dict[str, Callable[[Run], list[Panel]]] = {
    "regression": _arrows,
    "classification": _landings,
    "rendering": _galleries,
}
