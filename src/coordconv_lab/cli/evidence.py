"""The commands ``study``, ``claims`` and ``report``."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from coordconv_lab.cli.app import app
from coordconv_lab.cli.options import (
    MAX_JOBS,
    Device,
    Int,
    Jobs,
    Place,
    ResultsDirectory,
    RunsDirectory,
    check_count,
)
from coordconv_lab.errors import DamagedError, InputError, printable


@app.command
def study(
    *names: str,
    arm: str = "",
    results: ResultsDirectory = Path("results"),
    jobs: Jobs = None,
    device: Device = "auto",
) -> None:
    """Run studies, the experiments behind the claims. Without names, list all studies.

    Finished runs are not trained again. To train more runs at once, start the command several
    times: the processes divide the runs of a study among them.

    For example:

        coordconv study

        coordconv study tiling receptive-field

        coordconv study tutorial --arm "regression, quadrant"

    Parameters
    ----------
    names
        Names of studies; "all" for all of them, cheapest first.
    arm
        Run only the arms whose name contains this text.
    """
    from coordconv_lab.studies import known_studies, study_named

    check_count("jobs", jobs, MAX_JOBS)
    if not names:
        from coordconv_lab.console.study_tables import print_studies

        print_studies([make() for make in known_studies().values()])
        return
    from coordconv_lab.run_study import run_study
    from coordconv_lab.train import Hardware

    chosen = [study_named(name) for name in (known_studies() if "all" in names else names)]
    damaged: list[str] = []
    for one in [each.only(arm) for each in chosen]:
        try:
            run_study(one, results, Hardware(device), jobs)
        except DamagedError as error:  # run the other studies before reporting the error
            damaged.append(str(error))
    if damaged:
        raise DamagedError(" | ".join(dict.fromkeys(damaged)))


@app.command
def claims(
    *ids: str,
    json: Annotated[bool, Parameter(negative=(), help="Print JSON.")] = False,
    results: ResultsDirectory = Path("results"),
) -> None:
    """Print published claims about CoordConv, with verdicts from the records of runs.

    The claims are from the tutorial, from the paper and from other publications.

    For example:

        coordconv claims

        coordconv claims tiling-fails hand-built

        coordconv claims --json

    Parameters
    ----------
    ids
        Print only the claims with these ids. The list of all claims shows the ids.
    """
    from coordconv_lab.claims.ledger import ledger
    from coordconv_lab.console.claim_list import print_claims

    if not results.is_dir():
        raise InputError(
            f"{results} is not a directory; run this command in a checkout, or set the directory "
            "of results with --results"
        )
    damaged: list[str] = []
    entries = ledger(results, damaged, ids)
    if json:
        from json import dumps

        print(dumps([entry.as_json() for entry in entries], indent=2, allow_nan=False))
    else:
        print_claims(entries)
    if damaged:
        raise DamagedError(" | ".join(damaged))


@app.command
def report(
    *,
    runs: RunsDirectory = Path("runs"),
    out: Annotated[
        Place | None,
        Parameter(
            help="Output file, or output directory for figures. By default report.html, report.md "
            "or the directory figures/, in the directory of runs."
        ),
    ] = None,
    results: Annotated[
        Place,
        Parameter(
            help="Directory of the records behind the claims; if missing, claims are omitted."
        ),
    ] = Path("results"),
    format: Annotated[
        Literal["html", "markdown", "png", "pdf-figures"],
        Parameter(help="HTML page, Markdown text, or one file per figure."),
    ] = "html",
    watch: Annotated[
        bool,
        Parameter(
            negative=(), help="Serve the page on this machine, and update it while runs continue."
        ),
    ] = False,
    port: Annotated[
        Int,
        Parameter(help="Port of --watch; 0 for any free port.", validator=Number(gte=0, lt=65536)),
    ] = 0,
    host: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="For --watch: an additional host name that browsers may request, such as that of "
            "a reverse proxy; can be repeated. The server still accepts only connections from this "
            "machine. localhost and 127.0.0.1 are always allowed, on any port.",
        ),
    ] = (),
) -> None:
    """Write or serve a report on a directory of runs.

    For example:

        coordconv report

        coordconv report --runs runs --out report.html

        coordconv report --format pdf-figures --out paper/figures

        coordconv report --watch

        coordconv report --watch --port 9000 --host lab.example
    """
    from coordconv_lab.claims.gains import gain_rows_if_any
    from coordconv_lab.claims.ledger import ledger_if_any
    from coordconv_lab.report import write_report
    from coordconv_lab.report.write import NAMES
    from coordconv_lab.results import RunStore
    from coordconv_lab.results.files import without_links

    damaged: list[str] = []
    evidence, search = ledger_if_any(results, damaged), RunStore(results / "search")
    gains = gain_rows_if_any(results, damaged)
    if watch:
        if format != "html" or out is not None:
            raise InputError("--watch cannot be combined with --format or --out")
        from coordconv_lab.report.watch import serve

        serve(RunStore(runs), evidence, search, port, partial(print, flush=True), host, gains)
        return
    if host:
        raise InputError("--host: only valid with --watch")
    place = without_links(out) if out else runs / NAMES[format]
    store = RunStore(runs)
    size = out_size(write_report(store, place, evidence, search, format, damaged, gains))
    out = out or place
    print(f"{printable(str(out))} ({size})")
    if damaged:
        raise DamagedError(" | ".join(damaged))


def out_size(path: Path) -> str:
    """Return the size of a file, or of the figures in a directory, such as "1.2 MB"."""
    files = [path] if path.is_file() else [*path.glob("*.png"), *path.glob("*.pdf")]
    total = sum(each.stat().st_size for each in files)
    return f"{total / 1e6:.1f} MB" if total >= 1e6 else f"{max(1, round(total / 1e3))} kB"
