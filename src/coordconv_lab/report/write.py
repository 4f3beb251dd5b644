"""Write a report on a store of runs."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from coordconv_lab.claims import Entry
from coordconv_lab.claims.gains import GainRow
from coordconv_lab.errors import InputError
from coordconv_lab.plotting import default_style
from coordconv_lab.report.material import Material, gather
from coordconv_lab.report.runs import drawn
from coordconv_lab.results.files import write_atomically
from coordconv_lab.results.store import RunStore

Format = Literal["html", "markdown", "png", "pdf-figures"]

NAMES: dict[Format, str] = {
    "html": "report.html",
    "markdown": "report.md",
    "png": "figures",
    "pdf-figures": "figures",
}
"""Default file or directory of each format."""


def write_report(
    store: RunStore,
    out: Path,
    evidence: Sequence[Entry] = (),
    search: RunStore | None = None,
    form: Format = "html",
    damaged: list[str] | None = None,
    gains: Sequence[GainRow] = (),
    explorer: str = "",
) -> Path:
    """Write a report on all finished runs of a store.

    The page is self-contained and works offline. It shows a message for every run whose
    metrics.csv, predictions.npz or sheet.png is missing or damaged, and for every record that
    cannot be read.

    Args:
        store: The runs.
        out: Output file, or output directory for figures; created if it does not exist.
        evidence: Claims with their verdicts; their section is omitted if empty.
        search: Runs of a search to show if `store` contains no search.
        form: HTML page, Markdown text, or one file per figure.
        damaged: Messages about unreadable evidence, which the report shows. Messages about
            unreadable runs are appended to the list.
        gains: Rows of the table of where coordinates help; omitted if no row has an answer.
        explorer: Address of docs/where-explorer.html for a link in that table; none if empty.

    Returns:
        The file or directory that was written.

    Raises:
        InputError: The store has no usable record, or a file cannot be written.
    """
    # Import renderers lazily, so that importing this module is fast.
    material = gather(store, search, damaged or ())
    if damaged is not None:
        damaged[:] = material.damaged
    if not material.runs:
        remedy = (
            f"{store.root} has no finished run to report; run `coordconv reproduce` first, or set "
            "the directory of runs with --runs"
        )
        raise InputError(" | ".join((remedy, *material.damaged)))
    if form == "html":
        from coordconv_lab.report.page import render

        files = {out: render(material, evidence, gains=gains, explorer=explorer).encode()}
    elif form == "markdown":
        from coordconv_lab.report.markdown import as_markdown

        files = {out: as_markdown(material.runs, evidence, material.damaged, gains).encode()}
    else:
        with default_style():
            files = _figures(material, out, "png" if form == "png" else "pdf")
    for path, content in files.items():
        write_atomically(path, content)
    return out


def _figures(material: Material, directory: Path, suffix: str) -> dict[Path, bytes]:
    from coordconv_lab.report import search
    from coordconv_lab.report.cost import cost_charts, costly
    from coordconv_lab.report.curves import curve_charts
    from coordconv_lab.report.experiments import all_panels, cells_of_experiment
    from coordconv_lab.report.figures import figure_of_charts

    cells, rows = material.cells, search.rows_of(material.searched)
    charts = {
        "learning-curves": curve_charts(drawn(cells)),
        "cost": cost_charts(costly(cells, rows)),
        "tries": search.tries_charts(rows),
        "settings": search.settings_charts(rows),
    }
    figures = {name: figure_of_charts(some, 2) for name, some in charts.items() if some}
    for experiment, panels in all_panels(material.runs):
        figures |= panels.figures(drawn(cells_of_experiment(experiment, cells)))
    files = {}
    for name, figure in figures.items():
        file = io.BytesIO()
        # Omit the date, so that the same records produce the same file.
        made = {"Software": None} if suffix == "png" else {"CreationDate": None}
        figure.savefig(file, format=suffix, dpi=200, metadata=made)
        files[directory / f"{name}.{suffix}"] = file.getvalue()
    return files
