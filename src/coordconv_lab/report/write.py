"""From a store of runs to the files of a report."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from coordconv_lab.claims import Entry
from coordconv_lab.errors import InputError
from coordconv_lab.plotting import default_style
from coordconv_lab.report.material import Material, gather
from coordconv_lab.report.runs import shown
from coordconv_lab.results.files import write_atomically
from coordconv_lab.results.store import RunStore

Format = Literal["html", "markdown", "png", "pdf-figures"]

NAMES: dict[Format, str] = {
    "html": "report.html",
    "markdown": "report.md",
    "png": "figures",
    "pdf-figures": "figures",
}
"""The file, or the directory of files, that each format is written to."""


def write_report(
    store: RunStore,
    out: Path,
    evidence: Sequence[Entry] = (),
    search: RunStore | None = None,
    form: Format = "html",
    damaged: list[str] | None = None,
) -> Path:
    """Write a report about every finished run of a store.

    The page needs no network and no other file. A run whose metrics.csv, predictions.npz or
    sheet.png is missing or damaged leaves a gap that the page names, as it names the records that
    cannot be read.

    Args:
        store: The runs.
        out: The file to write, or the directory of the figures; it is made where it is not there.
        evidence: Claims with their verdicts, for a section of their own; none, no section.
        search: Runs of a search to show where `store` itself is none.
        form: A page, a text, or one file for each figure.
        damaged: In words, what of the evidence could not be read, to be named beside the rest; what
            of the runs could not is noted there too.

    Returns:
        The file or directory that was written.

    Raises:
        InputError: The store holds no record that can be used, or a file cannot be written.
    """
    # What makes pages and pictures is loaded by those who make them, and by no one who only
    # imports the name of this function.
    material = gather(store, search, damaged or ())
    if damaged is not None:
        damaged[:] = material.damaged
    if not material.runs:
        raise InputError(
            f"no finished run of the tutorial's nets in {store.root}: there is nothing to report; "
            "run `coordconv reproduce` first, or name the directory that holds its runs"
            + "".join(f"\n{words}" for words in material.damaged)
        )
    if form == "html":
        from coordconv_lab.report.page import render

        files = {out: render(material, evidence).encode()}
    elif form == "markdown":
        from coordconv_lab.report.markdown import as_markdown

        files = {out: as_markdown(material.runs, evidence, material.damaged).encode()}
    else:
        with default_style():
            files = _figures(material, out, "png" if form == "png" else "pdf")
    for path, content in files.items():
        write_atomically(path, content)
    return out


def _figures(material: Material, directory: Path, suffix: str) -> dict[Path, bytes]:
    from coordconv_lab.report import search
    from coordconv_lab.report.arrows import arrow_charts
    from coordconv_lab.report.cost import cost_charts, costly
    from coordconv_lab.report.curves import curve_charts
    from coordconv_lab.report.figures import figure_of_charts, figure_of_maps
    from coordconv_lab.report.maps import map_rows

    runs, rows = shown(material.runs), search.rows_of(material.searched)
    charts = {
        "learning-curves": (curve_charts(runs), 2),
        "errors": (arrow_charts(runs), 2),
        "cost": (cost_charts(costly(material.runs, rows)), 2),
        "tries": (search.tries_charts(rows), 2),
        "settings": (search.settings_charts(rows), 2),
    }
    figures = {
        name: figure_of_charts(some, columns) for name, (some, columns) in charts.items() if some
    }
    figures["maps"] = figure_of_maps(map_rows(runs))
    files = {}
    for name, figure in figures.items():
        file = io.BytesIO()
        # Without a date, so that the same records make the same file.
        made = {"Software": None} if suffix == "png" else {"CreationDate": None}
        figure.savefig(file, format=suffix, dpi=200, metadata=made)
        files[directory / f"{name}.{suffix}"] = file.getvalue()
    return files
