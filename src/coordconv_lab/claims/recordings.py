"""All recorded runs under a directory of results, by the names of their directories."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from coordconv_lab.errors import DamagedError
from coordconv_lab.registry import registry
from coordconv_lab.results.packed import pack_of
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.results.stored import is_stored, is_there
from coordconv_lab.results.validated import stored_record, usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import known_replications

Run = tuple[Path, Record]
"""The directory of a run and its record."""

Content = TypeVar("Content")

_NAME = re.compile(r"(?P<row>.+)-seed(?P<seed>\d+)-[0-9a-f]{12}")

_NAMES: dict[tuple[str, int], str] = {}
"""The names of runs, by seed and by the id of the spec with seed 0; a cache, as hashing is slow."""

_HYBRIDS = ("deconv-renderer",)
"""Kinds of model that are neither the baseline nor the CoordConv network of a row."""


class Recordings:
    """The runs under a directory of results, from all studies except replications.

    A replication is judged apart from the study that it repeats, so its seeds are not added to it:
    see `coordconv_lab.claims.question_runs.replication_runs`.

    Args:
        results: The directory of results, with one directory of runs per study.

    Attributes:
        damaged: Descriptions of the files and directories that cannot be used.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self.damaged: list[str] = []
        self._runs: dict[Path, Run | None] = {}
        self._agreed: dict[str, list[Run]] = {}

    @cached_property
    def places(self) -> dict[str, list[Path]]:
        """The directories of runs, by name; a run can be in several studies."""
        found: dict[str, list[Path]] = defaultdict(list)
        apart = known_replications()
        studies = [path for path in sorted(self.results.glob("*/")) if path.name not in apart]
        for paths in usable(studies, _entries, self.damaged):
            for path in paths:
                found[path.name].append(path)
        for pack in usable(studies, pack_of, self.damaged):
            self.damaged += [] if pack is None else pack.faults
        return found

    def of(self, spec: ExperimentSpec) -> list[Run]:
        """The recordings of one spec; several if more than one study has the run.

        The last digits of distances may differ between machines. If accuracies differ, the correct
        recording is unknown, so all are reported as damaged, and an empty list is returned.
        """
        name = spec.run_name
        if name not in self._agreed:
            found = [run for path in self.places.get(name, ()) if (run := self._read(path, spec))]
            self._agreed[name] = found if self._agree(found) else []
        return self._agreed[name]

    def _read(self, path: Path, spec: ExperimentSpec) -> Run | None:
        if path not in self._runs:
            record = self.usable(lambda: RunStore(path.parent).record(spec))
            self._runs[path] = None if record is None else (path, record)
        return self._runs[path]

    def _agree(self, found: Sequence[Run]) -> bool:
        odd = [path for path, record in found if _shares(record) != _shares(found[0][1])]
        if odd:
            self.damaged.append(
                f"{odd[0]} and {found[0][0]} are of the same run, but have different scores; move "
                "one of them elsewhere"
            )
        return not odd

    def usable(self, read: Callable[[], Content]) -> Content | None:
        """Read a file, or report that it is damaged."""
        try:
            return read()
        except DamagedError as error:
            self.damaged.append(str(error))
            return None

    def every_seed(self, specs: Iterable[ExperimentSpec]) -> list[ExperimentSpec]:
        """Return these specs, followed by the same specs with every other recorded seed."""
        asked = {spec.run_name: spec for spec in specs}
        bases: dict[str, tuple[ExperimentSpec, str]] = {}
        for name, spec in asked.items():
            base = spec.model_copy(update={"seed": 0})
            bases[base.id] = base, _row(name)
        for id, (base, row) in bases.items():
            for seed in sorted(self._seeds[row]):
                other = base.model_copy(update={"seed": seed})
                name = _NAMES.get((id, seed)) or _NAMES.setdefault((id, seed), other.run_name)
                if name in self.places:
                    asked.setdefault(name, other)
        return list(asked.values())

    def of_row(self, task: str, split: str, model: str) -> list[Run]:
        """Return every run of a task, split and network once, with any settings, sorted by name.

        Include only runs that are trained on all training positions and scored on the test
        positions. Omit runs for choosing settings and runs with less data, and also deconv networks
        with CoordConv's painter, which are not in the paper.
        """
        found: list[Run] = []
        for name in sorted(self.places):
            match = _NAME.fullmatch(name)
            if match is None or match["row"] != f"{task}-{split}-{model}":
                continue
            specs = (self.usable(partial(self._spec, path)) for path in self.places[name])
            spec = next((spec for spec in specs if spec is not None), None)
            if spec is None or not spec.data.is_complete or spec.model.kind in _HYBRIDS:
                continue
            found += self.of(spec)[:1]
        return found

    def _spec(self, directory: Path) -> ExperimentSpec | None:
        """The spec of the record in a directory; None if it has no record.

        Raises:
            DamagedError: The record cannot be used.
        """
        path = directory / "record.json"
        return stored_record(path).spec if is_stored(path) else None

    @cached_property
    def _seeds(self) -> dict[str, set[int]]:
        """The seeds of all runs of each task, split and network, with any settings."""
        found: dict[str, set[int]] = defaultdict(set)
        for name in self.places:
            if match := _NAME.fullmatch(name):
                found[match["row"]].add(int(match["seed"]))
        return found


def _shares(record: Record) -> list[float]:
    """Return the scores in [0, 1] of both sides."""
    sides = (record.scores["train"], record.scores["test"])
    names = [s.name for s in registry().task(record.spec.task).scores if s.is_share and s.required]
    return [side[name] for side in sides for name in names]


def _row(name: str) -> str:
    match = _NAME.fullmatch(name)
    assert match is not None
    return match["row"]


def _entries(directory: Path) -> list[Path]:
    """Return the entries of a directory and its packed runs, sorted by name.

    Raises:
        DamagedError: The directory or its packed runs cannot be read.
    """
    is_there(directory / "record.json")
    try:
        with os.scandir(directory) as entries:
            names = {entry.name for entry in entries}
    except OSError as error:
        raise DamagedError(f"cannot read {directory}: {error.strerror or error}") from error
    return [directory / name for name in sorted(names | set(pack_of(directory) or ()))]
