"""The page: templates filled with what the other modules laid out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from coordconv_lab.claims import Entry
from coordconv_lab.claims.tally import tallies
from coordconv_lab.report import search, wording
from coordconv_lab.report.arrows import arrow_charts
from coordconv_lab.report.cost import cost_charts, costly
from coordconv_lab.report.curves import curve_charts
from coordconv_lab.report.evidence import behind
from coordconv_lab.report.explorer import answers_id, explorer
from coordconv_lab.report.gallery import gallery_rows
from coordconv_lab.report.landings import landing_rows
from coordconv_lab.report.maps import map_rows
from coordconv_lab.report.material import Material
from coordconv_lab.report.origin import facts, tally
from coordconv_lab.report.pictures import HELD_OUT, SCALE, TRAINED, css_colour, css_gradient
from coordconv_lab.report.runs import SHOWN, shown
from coordconv_lab.report.table import pairs
from coordconv_lab.results import CURVE_EXAMPLES
from coordconv_lab.results import wording as scores

HERE = Path(__file__).parent
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Nothing from outside of the file, which the browser itself enforces."""

SCRIPTS = ("page.js", "sight.js", "explorer.js", "plotly-basic.min.js", "charts.js")


def render(
    material: Material,
    evidence: Sequence[Entry] = (),
    begun: Sequence[str] = (),
    state: str = "",
) -> str:
    """Make the whole page.

    Args:
        material: What was run and searched.
        evidence: Claims with their verdicts.
        begun: Names of runs that are under way.
        state: A word that changes when the runs do, for a page that is served while they go on;
            without it the page stands for itself.
    """
    runs, search_source = material.runs, material.source
    rows, one_by_one = search.rows_of(material.searched), shown(runs)
    content = {
        "runs": runs,
        "damaged": material.damaged,
        "begun": begun,
        "state": state,
        "policy": _policy(state),
        "facts": facts(runs),
        "perfect": tally(runs),
        "left_out": len(runs) - len(one_by_one),
        "pairs": pairs(one_by_one),
        "curve_charts": curve_charts(one_by_one),
        "curve_examples": CURVE_EXAMPLES,
        "landing_rows": landing_rows(one_by_one),
        "arrow_charts": arrow_charts(one_by_one),
        "cost_charts": cost_charts(costly(runs, rows)),
        "cost_source": search_source if rows else "",
        "map_rows": map_rows(one_by_one),
        "explorer": explorer(one_by_one),
        "answers_id": answers_id,
        "gallery_rows": gallery_rows(one_by_one),
        "colours": _colours(),
        "evidence": behind(evidence),
        "tally": [each.words for each in tallies(evidence)],
        "tries_charts": search.tries_charts(rows),
        "settings_charts": search.settings_charts(rows),
        "search_source": search_source,
        "best_shown": SHOWN,
    }
    # The page's own style and script are the only text that is not escaped.
    return (
        _environment()
        .get_template("page.html.j2")
        .render(**content, style=_asset("page.css"), script=_script(state))
    )


def render_waiting(state: str, begun: Sequence[str], trouble: str = "") -> str:
    """Make the page of a job that has finished no run yet.

    Args:
        state: A word that changes when the runs do.
        begun: Names of runs that are under way.
        trouble: What is wrong with the directory, in words.
    """
    return (
        _environment()
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


def _colours() -> dict[str, Any]:
    return {
        "gradient": css_gradient(),
        "scale": [css_colour(colour) for colour in SCALE],
        "worst": css_colour(SCALE[0]),
        "best": css_colour(SCALE[-1]),
        "trained": css_colour(TRAINED),
        "held_out": css_colour(HELD_OUT),
    }


def _policy(state: str) -> str:
    """A page that is served asks its server for the state."""
    return f"{POLICY}; connect-src 'self'" if state else POLICY


def _script(state: str) -> str:
    names = (*SCRIPTS, "watch.js") if state else SCRIPTS
    return "\n".join(map(_asset, names))


def _asset(name: str) -> str:
    return (HERE / "assets" / name).read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = (
        wording.capitalize_first,
        wording.named,
        wording.family,
        wording.seconds,
        scores.percent,
        scores.score,
        scores.overlap,
        scores.absolute_error,
    )
    environment.filters |= {word.__name__: word for word in words}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment
