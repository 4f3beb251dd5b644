"""What a report is made of, read from a store of runs."""

from typing import NamedTuple

from coordconv_lab.report.runs import Run, read_runs
from coordconv_lab.results.store import RunStore
from coordconv_lab.sweep.outcome import RowOutcome, outcome_in

_OURS = "A setting that was trained with several seeds counts where all of them solve the task."
_COMMITTED = (
    "Settings drawn at random from one space for both nets of a task; these are the records that "
    "came with the source."
)


class Material(NamedTuple):
    """What a report is made of.

    Attributes:
        runs: What was run.
        searched: Rows of settings that were searched.
        source: Where those come from, in a sentence.
    """

    runs: list[Run]
    searched: list[RowOutcome]
    source: str


def gather(store: RunStore, search: RunStore | None = None) -> Material:
    """Read everything that a report shows.

    Args:
        store: The runs.
        search: Runs of a search to show where `store` itself is none.

    Raises:
        InputError: A record cannot be used.
    """
    from coordconv_lab.report.search import rows_of

    searched, source = outcome_in(store), _OURS
    if not rows_of(searched) and search is not None:
        searched, source = outcome_in(search), _COMMITTED
    return Material(read_runs(store), searched, source)
