"""What the runs come to: studies, claims, the page."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from coordconv_lab.cli.app import app
from coordconv_lab.cli.options import Device, Int, Place, ResultsDirectory, RunsDirectory
from coordconv_lab.errors import DamagedError, InputError, printable


@app.command
def study(
    *names: str,
    arm: str = "",
    results: ResultsDirectory = Path("results"),
    device: Device = "auto",
) -> None:
    """Run studies, the experiments behind the claims; without a name, list them.

    What is done already is not trained again. Start the same command several times, each with
    OMP_NUM_THREADS=1, to share the work between cores.

    For example:

        coordconv study

        coordconv study tiling receptive-field

        coordconv study tutorial --arm "regression, quadrant"

    Parameters
    ----------
    names
        Which studies; "all" for all of them, the cheap ones first.
    arm
        Only the arms with this in their name.
    """
    from coordconv_lab.studies import STUDIES, study_named

    if not names:
        from coordconv_lab.console import print_studies

        print_studies([make() for make in STUDIES.values()])
        return
    from coordconv_lab.study import run_study
    from coordconv_lab.train import Hardware

    chosen = [study_named(name) for name in (STUDIES if "all" in names else names)]
    damaged: list[str] = []
    for one in [each.only(arm) for each in chosen]:
        try:
            run_study(one, results, Hardware(device))
        except DamagedError as error:  # of this study; the others are done first
            damaged.append(str(error))
    if damaged:
        raise DamagedError(" | ".join(dict.fromkeys(damaged)))


@app.command
def claims(
    *ids: str,
    json: Annotated[bool, Parameter(negative=(), help="Print JSON.")] = False,
    results: ResultsDirectory = Path("results"),
) -> None:
    """Print what the tutorial, the paper and others claim, each with its verdict from the records.

    For example:

        coordconv claims

        coordconv claims tiling-fails hand-built

        coordconv claims --json

    Parameters
    ----------
    ids
        Only the claims of these ids, which stand beside the verdicts.
    """
    from coordconv_lab.claims.ledger import ledger
    from coordconv_lab.console import print_claims

    if not results.is_dir():
        raise InputError(
            f"{results} is no directory; run this in a checkout, or name the directory of results "
            "with --results"
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
            help="The file, or the directory of the figures; by default report.html, report.md "
            "or figures in the directory of runs."
        ),
    ] = None,
    results: Annotated[
        Place, Parameter(help="Records behind the claims; without them the page has no claims.")
    ] = Path("results"),
    format: Annotated[
        Literal["html", "markdown", "png", "pdf-figures"],
        Parameter(help="A page, a text, or the figures as one file each."),
    ] = "html",
    watch: Annotated[
        bool,
        Parameter(
            negative=(), help="Serve the page on this machine while runs go on, and refresh it."
        ),
    ] = False,
    port: Annotated[
        Int,
        Parameter(help="Of --watch; 0 for one that is free.", validator=Number(gte=0, lt=65536)),
    ] = 0,
    host: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="Of --watch: another name under which a browser may ask for the page, such as "
            "that of a reverse proxy; can be repeated. The page is still served to this machine "
            "only; localhost and 127.0.0.1 need no --host, at whatever port of a tunnel.",
        ),
    ] = (),
) -> None:
    """Make the page from the records of a directory of runs.

    For example:

        coordconv report

        coordconv report --runs runs --out report.html

        coordconv report --format pdf-figures --out paper/figures

        coordconv report --watch

        coordconv report --watch --port 9000 --host lab.example
    """
    from coordconv_lab.claims.ledger import ledger_if_any
    from coordconv_lab.report import write_report
    from coordconv_lab.report.write import NAMES
    from coordconv_lab.results import RunStore
    from coordconv_lab.results.files import without_links

    damaged: list[str] = []
    evidence, search = ledger_if_any(results, damaged), RunStore(results / "search")
    if watch:
        if format != "html" or out is not None:
            raise InputError("--watch serves the page; it goes with neither --format nor --out")
        from coordconv_lab.report.watch import serve

        serve(RunStore(runs), evidence, search, port, partial(print, flush=True), host)
        return
    if host:
        raise InputError("--host: names a page that is served; it goes with --watch only")
    place = without_links(out) if out else runs / NAMES[format]
    size = out_size(write_report(RunStore(runs), place, evidence, search, format, damaged))
    out = out or place
    print(f"{printable(str(out))} ({size})")
    if damaged:
        raise DamagedError(" | ".join(damaged))


def out_size(path: Path) -> str:
    """The size of a file, or of all files in a directory, in words."""
    files = [path] if path.is_file() else [*path.glob("*.png"), *path.glob("*.pdf")]
    total = sum(each.stat().st_size for each in files)
    return f"{total / 1e6:.1f} MB" if total >= 1e6 else f"{max(1, round(total / 1e3))} kB"
