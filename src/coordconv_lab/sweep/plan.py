"""Plan the remaining runs of a sweep."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.results.locks import how_to_free, locked
from coordconv_lab.results.remote import RemoteRunStore
from coordconv_lab.results.store import usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.proposals import InTurns, Listed, Proposals
from coordconv_lab.sweep.search import Searched, proposals_of


class Plan(NamedTuple):
    """The remaining runs, by row.

    Attributes:
        rows: Proposals of each row.
        left: Number of remaining runs, as far as known.
        total: Total number of runs.
        damaged: Messages about unusable files; their runs are left unchanged.
    """

    rows: Mapping[str, Proposals]
    left: int
    total: int
    damaged: list[str]

    def in_turns(self) -> Proposals:
        """Return the runs of all rows, taking one run of each row in turn."""
        return InTurns(self.rows.values())


@contextmanager
def planned(sweep: Sweep, store: RunStore, stops_count: bool = False) -> Iterator[Plan]:
    """Plan the missing runs of a sweep, as a context manager.

    Inside of the block, a search is locked against other processes and saves its proposals.

    Args:
        sweep: The sweep.
        store: Directory or URL of the runs.
        stops_count: Whether runs that were stopped early count as done.

    Raises:
        InputError: The file of proposals cannot be used, or another process has locked the search.
    """
    damaged: list[str] = []
    if sweep.space is None:
        lists = {
            name: Listed(_left_of(specs, store, stops_count, damaged))
            for name, specs in sweep.study.arms.items()
        }
        yield Plan(lists, sum(map(len, lists.values())), len(sweep.study.specs), damaged)
        return
    with _locked_search(store):
        proposed = proposals_of(store)
        searched = {
            one.name: Searched(
                sweep.space, one, proposed.get(one.name, ()), store, stops_count, damaged
            )
            for one in sweep.space.listed_rows()
        }
        left = sum(max(0, row.total - len(row.proposed)) for row in searched.values())
        yield Plan(searched, left, sum(row.total for row in searched.values()), damaged)


def _left_of(
    specs: Iterable[ExperimentSpec],
    store: RunStore,
    stops_count: bool,
    damaged: list[str] | None,
) -> Iterator[ExperimentSpec]:
    """Yield the remaining runs, without those that have damaged files."""

    def is_left(spec: ExperimentSpec) -> ExperimentSpec | None:
        if store.record(spec) is not None:
            store.tidy(spec)
            return None
        has_failed = store.failure(spec) is not None
        was_stopped = stops_count and store.stopped(spec) is not None
        return None if has_failed or was_stopped else spec

    return (spec for spec in usable(specs, is_left, damaged) if spec is not None)


def missing_specs(
    sweep: Sweep, store: RunStore, damaged: list[str] | None = None
) -> tuple[list[ExperimentSpec], int]:
    """Return the runs that have neither finished nor failed, and the total number of runs.

    The future proposals of a search are unknown. Runs with the base settings of its rows are
    returned instead.

    Args:
        sweep: The sweep.
        store: Directory or URL of the runs.
        damaged: List that receives messages about unusable files; their runs are not returned.

    Raises:
        InputError: A file cannot be used, and ``damaged`` is None.
    """
    proposed = proposed_specs(sweep, store)
    every = list({spec.id: spec for row in proposed.values() for spec in row}.values())
    missing = list(_left_of(every, store, stops_count=False, damaged=damaged))
    if sweep.space is None:
        return missing, len(every)
    rows = sweep.space.listed_rows()
    tried = {one.name: one.trials(sweep.space) for one in rows}
    to_come = [one.base for one in rows for _ in range(tried[one.name] - len(proposed[one.name]))]
    return missing + to_come, sum(tried.values())


def proposed_specs(sweep: Sweep, store: RunStore) -> dict[str, list[ExperimentSpec]]:
    """Return the known runs of a sweep, by row.

    Raises:
        InputError: A file cannot be used.
    """
    if sweep.space is None:
        return {name: list(specs) for name, specs in sweep.study.arms.items()}
    proposed = proposals_of(store)
    return {
        one.name: [
            with_settings(one.base, settings)
            for settings in proposed.get(one.name, ())
            if one.admits(settings)
        ]
        for one in sweep.space.listed_rows()
    }


@contextmanager
def _locked_search(store: RunStore) -> Iterator[None]:
    """Lock the search against other processes. A store at a URL cannot be locked."""
    if isinstance(store, RemoteRunStore):
        yield
        return
    path = store.root / "sweep.lock"
    try:
        store.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {store.root}: {error.strerror or error}") from error
    with locked(path) as is_ours:
        if not is_ours:
            raise InputError(
                f"the search in {store.root} is locked by another process; wait until it has "
                f"finished, or set --runs to another directory{how_to_free(path)}"
            )
        yield
