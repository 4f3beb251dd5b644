"""The page: templates filled with the data of the other modules."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from coordconv_lab.claims import Entry
from coordconv_lab.claims.gains import GainRow
from coordconv_lab.claims.tally import tallies
from coordconv_lab.report import page_format, search
from coordconv_lab.report.cost import cost_charts, costly, symbols_in_words
from coordconv_lab.report.curves import curve_charts
from coordconv_lab.report.evidence import behind
from coordconv_lab.report.experiments import all_panels, cells_of_experiment, publication, titles
from coordconv_lab.report.gains import gain_table
from coordconv_lab.report.material import Material
from coordconv_lab.report.origin import facts, tally
from coordconv_lab.report.panels import Panels, Section
from coordconv_lab.report.pictures import SCALE, css_colour
from coordconv_lab.report.runs import DRAWN, Cell, compared_families, drawn
from coordconv_lab.report.table import FOLDED, solved_in_words, table
from coordconv_lab.results import CURVE_EXAMPLES, score_format

HERE = Path(__file__).parent
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content security policy: the browser loads nothing from outside the file."""

LIBRARIES = ("sight.js", "plotly-basic.min.js", "charts.js")


class Rendered(NamedTuple):
    """A section of an experiment, as HTML."""

    id: str
    title: str
    html: str
    is_first: bool


def render(
    material: Material,
    evidence: Sequence[Entry] = (),
    begun: Sequence[str] = (),
    state: str = "",
    gains: Sequence[GainRow] = (),
    explorer: str = "",
) -> str:
    """Render the page of all finished runs.

    Args:
        material: Runs and searches.
        evidence: Claims with their verdicts.
        begun: Names of running runs.
        state: A string that changes when the runs change, if the page is served and polls for
            changes. Without it, the page makes no requests.
        gains: Rows of the table of gains.
        explorer: Address of the page for pointing at places, linked from that table.
    """
    runs, cells = material.runs, material.cells
    rows, charted = search.rows_of(material.searched), drawn(cells)
    panels = all_panels(runs)
    left_out = sum(len(cell.networks) for cell in cells) - sum(len(c.networks) for c in charted)
    sections = [
        _rendered(each, section)
        for experiment, each in panels
        for section in each.sections(
            cells_of_experiment(experiment, charted), cells_of_experiment(experiment, cells)
        )
    ]
    content = {
        "runs": [run for cell in cells for run in cell.runs],
        "experiments": titles(runs),
        "panels": [each for _, each in panels],
        "sections": sections,
        "damaged": material.damaged,
        "begun": begun,
        "state": state,
        "policy": _policy(state),
        "facts": facts(runs),
        "perfect": tally(cells),
        "left_out": left_out,
        "drawn": DRAWN,
        "folded": FOLDED,
        "table": table(cells),
        "solved": solved_in_words(cells),
        "publication": publication(cells),
        "families": _families(cells),
        "curve_charts": curve_charts(charted),
        "curves_in_twos": _are_in_twos(charted),
        "curve_examples": CURVE_EXAMPLES,
        "cost_charts": cost_charts(costly(cells, rows)),
        "symbols": symbols_in_words([cell.task for cell in cells]),
        "search_source": material.source,
        "scale": [css_colour(colour) for colour in SCALE],
        "gains": gain_table(gains, explorer),
        "evidence": behind(evidence),
        "tally": [each.words for each in tallies(evidence)],
        "tries_charts": search.tries_charts(rows),
        "settings_charts": search.settings_charts(rows),
    }
    # Only our own style, scripts and sections are not escaped.
    styles = [_asset("page.css"), *(_text(path) for _, each in panels for path in each.styles)]
    return (
        _environment(HERE)
        .get_template("page.html.j2")
        .render(**content, style="\n".join(styles), script=_script(state, panels))
    )


def render_waiting(state: str, begun: Sequence[str], trouble: str = "") -> str:
    """Render the page if no run has finished yet.

    Args:
        state: A string that changes when the runs change.
        begun: Names of running runs.
        trouble: Messages about the directory of runs.
    """
    return (
        _environment(HERE)
        .get_template("waiting.html.j2")
        .render(
            state=state,
            policy=_policy(state),
            begun=begun,
            trouble=trouble,
            style=_asset("page.css"),
            script=_asset("watch.js"),
        )
    )


def _are_in_twos(cells: Sequence[Cell]) -> bool:
    """Whether each column of a grid of two rows and three columns is for one task."""
    counts = Counter(cell.task for cell in cells)
    return len(counts) <= 3 and set(counts.values()) == {2}


def _families(cells: Sequence[Cell]) -> dict[str, str]:
    """Return the names of both colors, by style."""
    main = dict.fromkeys(compared_families(cell.task)[0] for cell in cells)
    others = "network without coordinates" if list(main) == ["coordconv"] else "other networks"
    return {"coordconv": " / ".join(map(page_format.named, main)), "baseline": others}


def _rendered(panels: Panels, section: Section) -> Rendered:
    if panels.directory is None:
        raise ValueError(f"the panels of the section {section.id} have no directory of templates")
    template = _environment(HERE, panels.directory).get_template(section.template)
    html = template.render(section_id=section.id, **section.content)
    return Rendered(section.id, section.title, html, section.is_first)


def _policy(state: str) -> str:
    """Allow a served page to ask its server for the state."""
    return f"{POLICY}; connect-src 'self'" if state else POLICY


def _script(state: str, panels: Sequence[tuple[Any, Panels]]) -> str:
    names = (*LIBRARIES, "watch.js") if state else LIBRARIES
    own = [_text(path) for _, each in panels for path in each.scripts]
    return "\n".join(['"use strict";', *own, *map(_asset, names)])


def _asset(name: str) -> str:
    return _text(HERE / "assets" / name)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _environment(*directories: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([directory / "templates" for directory in directories]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = (
        page_format.capitalize_first,
        page_format.named,
        page_format.seconds,
        page_format.unbroken,
        score_format.percent,
        score_format.score,
        score_format.any_score,
        score_format.overlap,
        score_format.absolute_error,
    )
    environment.filters |= {word.__name__: word for word in words}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment
