"""What the runs come to: studies, claims, the page."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from coordconv_lab.cli.app import app
from coordconv_lab.cli.options import Device, ResultsDirectory, RunsDirectory
from coordconv_lab.errors import InputError


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
    for one in chosen:
        run_study(one.only(arm), results, Hardware(device))


@app.command
def claims(
    *,
    json: Annotated[bool, Parameter(negative=(), help="Print JSON.")] = False,
    results: ResultsDirectory = Path("results"),
) -> None:
    """Print what the tutorial, the paper and others claim, each with its verdict from the records.

    For example:

        coordconv claims

        coordconv claims --json
    """
    from coordconv_lab.claims.ledger import ledger
    from coordconv_lab.console import print_claims

    if not results.is_dir():
        raise InputError(
            f"{results} is no directory; run this in a checkout, or name the directory of results "
            "with --results"
        )
    entries = ledger(results)
    if json:
        from json import dumps

        print(dumps([entry.as_json() for entry in entries], indent=2))
    else:
        print_claims(entries)


@app.command
def report(
    *,
    runs: RunsDirectory = Path("runs"),
    out: Annotated[
        Path | None,
        Parameter(help="The HTML file; report.html in the directory of runs if not given."),
    ] = None,
    results: Annotated[
        Path, Parameter(help="Records behind the claims; without them the page has no claims.")
    ] = Path("results"),
) -> None:
    """Make the page from the records of a directory of runs.

    For example:

        coordconv report

        coordconv report --runs runs --out report.html
    """
    from coordconv_lab.claims.ledger import ledger_if_any
    from coordconv_lab.report import write_report
    from coordconv_lab.results import RunStore

    if ":/" in str(runs):
        raise InputError(f"--runs: expected a directory, got the URL {runs}; copy the runs here")
    print(
        write_report(
            RunStore(runs),
            out or runs / "report.html",
            ledger_if_any(results),
            RunStore(results / "search"),
        )
    )
