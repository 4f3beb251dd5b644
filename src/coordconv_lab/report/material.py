"""The data of a report, read from a store of runs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from coordconv_lab.errors import InputError, printable
from coordconv_lab.report.runs import Cell, Run, cells_of, read_runs
from coordconv_lab.report.search import rows_of
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.sweep.outcome import RowOutcome, outcome_in

_OURS = "A setting with several seeds counts if all of them solve the task."
_COMMITTED = (
    "Settings sampled at random from one space for both networks of a task, from the records in "
    "the repository."
)


class Material(NamedTuple):
    """The data of a report.

    Attributes:
        runs: Finished runs.
        searched: Rows of a search.
        source: A sentence that describes the source of the search.
        damaged: Messages about unusable files.
    """

    runs: list[Run]
    searched: list[RowOutcome]
    source: str
    damaged: list[str]

    @property
    def cells(self) -> list[Cell]:
        """The runs in the cells of the table."""
        return cells_of(self.runs)


def gather(store: RunStore, search: RunStore | None = None, unread: Sequence[str] = ()) -> Material:
    """Read everything that a report shows.

    Args:
        store: The runs.
        search: Runs of a search to show if `store` contains no search.
        unread: Messages about unusable files outside of `store`.

    Returns:
        All usable data, and messages about unusable files.

    Raises:
        InputError: The directory of runs cannot be read.
    """
    damaged = [*unread]
    runs = read_runs(store, damaged)
    read = {run.record.spec.id: run.record for run in runs}
    searched, source = _searched(store, damaged, read), _OURS
    if not rows_of(searched) and search is not None:
        searched, source = _searched(search, damaged, {}), _COMMITTED
    return Material(runs, searched, source, list(dict.fromkeys(map(printable, damaged))))


def _searched(store: RunStore, damaged: list[str], read: Mapping[str, Record]) -> list[RowOutcome]:
    try:
        return outcome_in(store, damaged, read)
    except InputError as error:
        damaged.append(str(error))
        return []
