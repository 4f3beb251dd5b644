"""What came of a sweep: how far it is, what failed, which settings are best. Without torch."""

from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from coordconv_lab.claims.tries import Tries, solves
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.store import usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies.rows import row
from coordconv_lab.sweep.catalogue import Sweep
from coordconv_lab.sweep.plan import proposed_specs


class RowOutcome(NamedTuple):
    """One row of a sweep.

    Attributes:
        name: Task, split and net.
        specs: Its runs, as far as they are known.
        records: Of those that are done, by id.
        failures: Why runs were given up, by id.
        stopped: The ids of those that were stopped early.
        total: How many there are to be.
    """

    name: str
    specs: Sequence[ExperimentSpec]
    records: Mapping[str, Record]
    failures: Mapping[str, str]
    stopped: Set[str]
    total: int

    @property
    def ended(self) -> Set[str]:
        """The ids of the runs that were given up or stopped early."""
        return {*self.failures, *self.stopped}

    @property
    def tried(self) -> Tries:
        """How many settings were tried, and how many of them solve the task, on every seed."""
        settings: dict[str, list[bool]] = {}
        for spec in self.specs:
            record = self.records.get(spec.id)
            if record is not None or spec.id in self.ended:
                setting = spec.model_copy(update={"seed": 0}).id
                settings.setdefault(setting, []).append(record is not None and solves(record))
        return Tries(sum(map(all, settings.values())), len(settings))

    @property
    def best(self) -> list[Record]:
        """The runs that are done, the best first: by test score, training score, and time."""
        return sorted(
            self.records.values(),
            key=lambda record: (-record.test_score, -record.train_score, record.seconds),
        )

    def settings(self, spec: ExperimentSpec) -> dict[str, Any]:
        """The settings of a run that are not the same in the whole row, by path."""
        varying = _varying(self.specs)
        return {path: value for path, value in _flat(spec).items() if path in varying}


def outcome_in(store: RunStore, damaged: list[str] | None = None) -> list[RowOutcome]:
    """Sort all runs of a directory into rows, whichever sweep they are of.

    Args:
        store: The directory.
        damaged: Where to note files that cannot be used, in words.

    Raises:
        InputError: A file cannot be used, and it is not to be noted.
    """
    rows: dict[str, list[ExperimentSpec]] = {}
    for spec in store.specs(damaged):
        rows.setdefault(_kind(spec), []).append(spec)
    return [_row(name, specs, store, len(specs), damaged) for name, specs in rows.items()]


def outcome(sweep: Sweep, store: RunStore, damaged: list[str] | None = None) -> list[RowOutcome]:
    """Read what there is of a sweep.

    Args:
        sweep: The sweep.
        store: Where its runs are.
        damaged: Where to note files of runs that cannot be used, in words.

    Raises:
        InputError: A file cannot be used, and it is not to be noted.
    """
    rows = proposed_specs(sweep, store)
    totals = {name: len(specs) for name, specs in rows.items()}
    if sweep.space is not None:
        for one in sweep.space.listed_rows():
            totals[one.name] = max(totals[one.name], one.trials(sweep.space))
    return [_row(name, specs, store, totals[name], damaged) for name, specs in rows.items()]


def with_other_settings(rows: Sequence[RowOutcome], store: RunStore) -> int:
    """How many runs of the same tasks, splits and nets a directory holds beside those of rows.

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
) -> RowOutcome:
    records, failures, stopped = {}, {}, set[str]()

    def sort_in(spec: ExperimentSpec) -> None:
        record = store.record(spec)
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
        for path, value in _flat(spec).items():
            seen.setdefault(path, set()).add(repr(value))
    return {path for path, values in seen.items() if len(values) > 1}


def _flat(spec: ExperimentSpec) -> dict[str, Any]:
    """Every setting by its dotted path."""
    found: dict[str, Any] = {}
    for part, fields in spec.model_dump(mode="json").items():
        if isinstance(fields, dict):
            found |= {f"{part}.{name}": value for name, value in fields.items()}
        else:
            found[part] = fields
    return found
