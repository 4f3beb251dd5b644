"""What of a sweep is left to do."""

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
from coordconv_lab.sweep.catalogue import Sweep
from coordconv_lab.sweep.proposals import InTurns, Listed, Proposals
from coordconv_lab.sweep.search import PROPOSALS, Searched, proposals_of


class Plan(NamedTuple):
    """What is to be done, row by row.

    Attributes:
        rows: What each row proposes.
        left: How many runs are left, as far as that is known.
        total: How many there are in all.
        damaged: In words, the files of runs that cannot be used; these runs are left as they are.
    """

    rows: Mapping[str, Proposals]
    left: int
    total: int
    damaged: list[str]

    def in_turns(self) -> Proposals:
        """All rows, one run of each in turn."""
        return InTurns(self.rows.values())


def is_done(store: RunStore, spec: ExperimentSpec, stops_count: bool) -> bool:
    """Whether a run has a record, was given up or, where that counts, was stopped early."""
    return (
        store.record(spec) is not None
        or store.failure(spec) is not None
        or (stops_count and store.stopped(spec) is not None)
    )


@contextmanager
def planned(sweep: Sweep, store: RunStore, stops_count: bool = False) -> Iterator[Plan]:
    """Find out what is left of a sweep; while it goes on, a search writes down its proposals.

    Args:
        sweep: The sweep.
        store: Where its runs are.
        stops_count: Whether a run that was stopped early is done.

    Raises:
        InputError: The proposals cannot be used, or another process is at the same search.
    """
    damaged: list[str] = []
    if sweep.space is None:
        lists = {
            name: Listed(_left_of(specs, store, stops_count, damaged))
            for name, specs in sweep.study.arms.items()
        }
        yield Plan(lists, sum(map(len, lists.values())), len(sweep.study.specs), damaged)
        return
    with _alone(store):
        proposed = proposals_of(store)
        searched = {
            one.name: Searched(
                sweep.space, one, proposed.get(one.name, ()), store, stops_count, damaged
            )
            for one in sweep.space.listed_rows()
        }
        left = sum(max(0, row.total - len(row.proposed)) for row in searched.values())
        noting = {name: _Noting(name, row, store) for name, row in searched.items()}
        yield Plan(noting, left, sum(row.total for row in searched.values()), damaged)


def _left_of(
    specs: Iterable[ExperimentSpec],
    store: RunStore,
    stops_count: bool,
    damaged: list[str] | None,
) -> Iterator[ExperimentSpec]:
    """Runs that are still to be done, and can be."""

    def is_left(spec: ExperimentSpec) -> ExperimentSpec | None:
        if not is_done(store, spec, stops_count):
            return spec
        if store.record(spec) is not None:
            store.tidy(spec)
        return None

    return (spec for spec in usable(specs, is_left, damaged) if spec is not None)


class _Noting:
    """A search whose proposals are written down before they are tried."""

    def __init__(self, name: str, row: Searched, store: RunStore) -> None:
        self._name, self._row, self._store = name, row, store

    def next(self) -> ExperimentSpec | None:
        spec = self._row.next()
        if spec is not None:
            # Those of other rows, and of earlier versions of the space, are kept.
            every = proposals_of(self._store)
            known = every.setdefault(self._name, [])
            known += [settings for settings in self._row.proposed if settings not in known]
            self._store.write_beside(PROPOSALS, every)
        return spec

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        self._row.tell(spec, score)


def missing_specs(
    sweep: Sweep, store: RunStore, damaged: list[str] | None = None
) -> tuple[list[ExperimentSpec], int]:
    """The runs that are neither done nor given up, and how many there are in all.

    What a search will propose is not known: what its rows start from stands for it.

    Args:
        sweep: The sweep.
        store: Where its runs are.
        damaged: Where to note files that cannot be used, in words; their runs are not to be done.

    Raises:
        InputError: A file cannot be used, and it is not to be noted.
    """
    specs = [spec for row in proposed_specs(sweep, store).values() for spec in row]
    every = list({spec.id: spec for spec in specs}.values())
    missing = list(_left_of(every, store, stops_count=False, damaged=damaged))
    if sweep.space is None:
        return missing, len(every)
    rows = sweep.space.listed_rows()
    tried = {one.name: one.trials(sweep.space) for one in rows}
    known = {name: len(specs) for name, specs in proposed_specs(sweep, store).items()}
    to_come = [one.base for one in rows for _ in range(tried[one.name] - known[one.name])]
    return missing + to_come, sum(tried.values())


def proposed_specs(sweep: Sweep, store: RunStore) -> dict[str, list[ExperimentSpec]]:
    """The runs of a sweep by row, as far as they are known.

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
def _alone(store: RunStore) -> Iterator[None]:
    """Let no other process go on with the same search; under a URL nobody can be kept out."""
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
                f"another process is at the search in {store.root}; wait for it, or give --runs "
                f"another directory{how_to_free(path)}"
            )
        yield
