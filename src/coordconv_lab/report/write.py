"""From a store of runs to one HTML file."""

from collections.abc import Sequence
from pathlib import Path

from coordconv_lab.claims import Entry
from coordconv_lab.errors import InputError
from coordconv_lab.report.runs import read_runs
from coordconv_lab.results.files import write_atomically
from coordconv_lab.results.store import RunStore
from coordconv_lab.sweep.outcome import outcome_in

_OURS = "A setting that was trained with several seeds counts where all of them solve the task."
_COMMITTED = (
    "Settings drawn at random from one space for both nets of a task; these are the records that "
    "came with the source."
)


def write_report(
    store: RunStore,
    out: Path,
    evidence: Sequence[Entry] = (),
    search: RunStore | None = None,
) -> Path:
    """Write one HTML page about every finished run of a store.

    The page needs no network and no other file. A run whose metrics.csv or predictions.npz is
    missing or damaged leaves a gap that the page names.

    Args:
        store: The runs.
        out: The file to write; its directory is made where it is not there.
        evidence: Claims with their verdicts, for a section of their own; none, no section.
        search: Runs of a search to show where `store` itself is none.

    Returns:
        The file that was written.

    Raises:
        InputError: The store holds no record or an unusable one, or the file cannot be written.
    """
    runs = read_runs(store)
    if not runs:
        raise InputError(
            f"no finished run of the tutorial's nets in {store.root}: there is nothing to report; "
            "run `coordconv reproduce` first, or name the directory that holds its runs"
        )
    # The template engine and the picture library are loaded by those who make pages, and by no one
    # who only imports the name of this function.
    from coordconv_lab.report.page import render
    from coordconv_lab.report.search import rows_of

    searched, source = outcome_in(store), _OURS
    if not rows_of(searched) and search is not None:
        searched, source = outcome_in(search), _COMMITTED
    page = render(runs, evidence, searched, source)
    write_atomically(out, page.encode())
    return out
