"""The sections that Not-so-Clevr adds to the report page."""

from collections.abc import Sequence
from typing import Any

from coordconv_lab.experiments.notsoclevr.figures.arrows import arrow_charts
from coordconv_lab.experiments.notsoclevr.figures.explorer import answers_id, explorer
from coordconv_lab.experiments.notsoclevr.figures.gallery import gallery_rows
from coordconv_lab.experiments.notsoclevr.figures.landings import landing_rows
from coordconv_lab.experiments.notsoclevr.figures.maps import map_rows
from coordconv_lab.report.panels import Section
from coordconv_lab.report.pictures import HELD_OUT, SCALE, TRAINED, css_colour, css_gradient
from coordconv_lab.report.runs import Cell


def sections(drawn: Sequence[Cell], every: Sequence[Cell]) -> list[Section]:
    """Return the sections that have at least one network to show, in the order of the page."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    if (shown := explorer(drawn, every)) is not None:
        found.append(("explorer", "Explorer", {"explorer": shown}))
    if rows := map_rows(drawn):
        found.append(
            ("maps", "Maps", {"rows": rows, "colours": _colours(), "answers_id": answers_id})
        )
    if rows := landing_rows(drawn):
        found.append(("landings", "Predictions", {"rows": rows}))
    if charts := arrow_charts(drawn):
        found.append(("arrows", "Errors", {"charts": charts}))
    if rows := gallery_rows(drawn):
        found.append(("gallery", "Gallery", {"rows": rows}))
    return [
        Section(id, title, f"{id}.html.j2", content, id == "explorer")
        for id, title, content in found
    ]


def _colours() -> dict[str, str]:
    return {
        "gradient": css_gradient(),
        "worst": css_colour(SCALE[0]),
        "best": css_colour(SCALE[-1]),
        "trained": css_colour(TRAINED),
        "held_out": css_colour(HELD_OUT),
    }
