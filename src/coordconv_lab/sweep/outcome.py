"""The outcome of a sweep: progress, failures and best settings. This module avoids torch."""

from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from coordconv_lab.claims.tries import Tries, solves
from coordconv_lab.recipes import flat_settings
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.store import usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies.study import row
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.plan import proposed_specs


class RowOutcome(NamedTuple):
    """One row of a sweep.

    Attributes:
        name: The task, split and network of the row.
        specs: The specs of all runs that are known so far.
        records: Records of finished runs, by id.
        failures: Why runs failed, by id.
        stopped: Ids of runs that were stopped early.
        total: Planned number of runs.
    """

    name: str
    specs: Sequence[ExperimentSpec]
    records: Mapping[str, Record]
    failures: Mapping[str, str]
    stopped: Set[str]
    total: int

    @property
    def ended(self) -> Set[str]:
        """Ids of runs that failed or were stopped early."""
        return {*self.failures, *self.stopped}

    @property
    def tried(self) -> Tries:
        """How many settings have ended on every seed, and how many of these solve the task."""
        settings: dict[str, list[bool | None]] = {}
        for spec in self.specs:
            record = self.records.get(spec.id)
            ended = record is not None or spec.id in self.ended
            is_solved = (record is not None and solves(record)) if ended else None
            settings.setdefault(spec.model_copy(update={"seed": 0}).id, []).append(is_solved)
        complete = [each for each in settings.values() if None not in each]
        return Tries(sum(map(all, complete)), len(complete))

    @property
    def best(self) -> list[Record]:
        """Records of finished runs, sorted by test score, then training score, then time."""
        return sorted(
            self.records.values(),
            key=lambda record: (-record.test_score, -record.train_score, record.seconds),
        )

    def settings(self, spec: ExperimentSpec) -> dict[str, Any]:
        """Return the settings of a run that vary within the row, by path."""
        varying, settings = _varying(self.specs), flat_settings(spec.model_dump(mode="json"))
        return {path: value for path, value in settings.items() if path in varying}


def outcome_in(
    store: RunStore,
    damaged: list[str] | None = None,
    read: Mapping[str, Record] | None = None,
) -> list[RowOutcome]:
    """Group all runs in a directory into rows, regardless of the sweep that they belong to.

    Args:
        store: The directory.
        damaged: List that receives messages about unusable files.
        read: Records that have already been read, by id.

    Raises:
        InputError: A file cannot be used, and ``damaged`` is None.
    """
    rows: dict[str, list[ExperimentSpec]] = {}
    for spec in store.specs(damaged):
        rows.setdefault(_kind(spec), []).append(spec)
    return [_row(name, some, store, len(some), damaged, read) for name, some in rows.items()]


def outcome(sweep: Sweep, store: RunStore, damaged: list[str] | None = None) -> list[RowOutcome]:
    """Read the outcome of a sweep so far.

    Args:
        sweep: The sweep.
        store: Directory or URL of the runs.
        damaged: List that receives messages about unusable files.

    Raises:
        InputError: A file cannot be used, and ``damaged`` is None.
    """
    rows = proposed_specs(sweep, store)
    totals = {name: len(specs) for name, specs in rows.items()}
    if sweep.space is not None:
        for one in sweep.space.listed_rows():
            totals[one.name] = max(totals[one.name], one.trials(sweep.space))
    return [_row(name, specs, store, totals[name], damaged) for name, specs in rows.items()]


def with_other_settings(rows: Sequence[RowOutcome], store: RunStore) -> int:
    """Count runs in a directory with other settings for the tasks, splits and networks of ``rows``.

    Raises:
        InputError: The directory cannot be read.
    """
    asked = [spec for one in rows for spec in one.specs]
    ids, kinds = {spec.id for spec in asked}, {_kind(spec) for spec in asked}
    return sum(spec.id not in ids and _kind(spec) in kinds for spec in store.specs([]))


def _kind(spec: ExperimentSpec) -> str:
    return row(spec.task, spec.data.split, spec.model_name)


def _row(
    name: str,
    specs: Sequence[ExperimentSpec],
    store: RunStore,
    total: int,
    damaged: list[str] | None,
    read: Mapping[str, Record] | None = None,
) -> RowOutcome:
    records, failures, stopped = {}, {}, set[str]()

    def sort_in(spec: ExperimentSpec) -> None:
        record = (read or {}).get(spec.id) or store.record(spec)
        if record is not None:
            records[spec.id] = record
        elif (reason := store.failure(spec)) is not None:
            failures[spec.id] = reason
        elif store.stopped(spec) is not None:
            stopped.add(spec.id)

    for _ in usable(specs, sort_in, damaged):
        pass
    return RowOutcome(name, specs, records, failures, stopped, total)


def _varying(specs: Sequence[ExperimentSpec]) -> set[str]:
    seen: dict[str, set[str]] = {}
    for spec in specs:
        for path, value in flat_settings(spec.model_dump(mode="json")).items():
            seen.setdefault(path, set()).add(repr(value))
    return {path for path, values in seen.items() if len(values) > 1}
