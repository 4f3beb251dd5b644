"""The directory of runs: one subdirectory a run, named after its spec."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, TypeVar

from coordconv_lab.errors import DamagedError, HeldError, InputError
from coordconv_lab.results.digest import with_digest
from coordconv_lab.results.files import read_json, remove_if_possible, write_json
from coordconv_lab.results.locks import how_to_free, locked, marker_of
from coordconv_lab.results.record import Record
from coordconv_lab.specs import ExperimentSpec, parse_spec

CHECKPOINT = "checkpoint.ckpt"
"""The file from which a run goes on that was killed; of a run that is trained alone."""

LOCK = "run.lock"
"""The file that the process at work on a run holds."""

Place = TypeVar("Place")
Found = TypeVar("Found")


class RunStore:
    """Runs under one directory.

    A run's directory holds spec.json from its start and, once it is finished, metrics.csv,
    weights.safetensors, predictions.npz, of nets that paint sheet.png, and, written last,
    record.json.

    Attributes:
        keeps_unfinished: Whether what a run wrote is still there when it ended without a record.
    """

    keeps_unfinished = True

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def directory(self, spec: ExperimentSpec) -> Path:
        """Where the run of this spec lives, whether or not it was started."""
        return self.root / spec.run_name

    def open(self, spec: ExperimentSpec) -> Path:
        """Make the run's directory and write its spec, or check the spec that is there.

        Raises:
            InputError: The directory cannot be written, holds another spec, or is a link, behind
                which there may be files that are no run's.
        """
        directory = self.directory(spec)
        if directory.is_symlink():
            raise InputError(
                f"{directory} is a link, and no run is written through one; move it away"
            )
        path = directory / "spec.json"
        if not path.exists():
            write_json(path, spec.model_dump(mode="json"))
        else:
            _read_spec(path)
        return directory

    def delete(self, spec: ExperimentSpec) -> None:
        """Delete the run's directory, if there is one.

        Raises:
            HeldError: Another process is at it.
            InputError: It cannot be deleted.
        """
        directory = self.directory(spec)
        if not directory.exists():
            return
        if directory.is_symlink():
            raise InputError(f"cannot delete {directory}: it is a link; move it away")
        with locked(directory / LOCK) as is_ours:
            if not is_ours:
                raise HeldError(
                    f"another process is at the run {spec.run_name}; end it, or leave --fresh out"
                    f"{how_to_free(directory / LOCK)}"
                )
            try:
                shutil.rmtree(directory)
            except OSError as error:
                raise InputError(f"cannot delete {directory}: {error.strerror or error}") from error

    @contextmanager
    def held(self, spec: ExperimentSpec, wait_seconds: float = 0.0) -> Iterator[bool]:
        """Hold the run of this spec, unless another process does; tell whether it is held here.

        A process that dies lets go of what it held.

        Args:
            spec: Of the run.
            wait_seconds: How long to wait for another process to let go.

        Raises:
            InputError: The directory cannot be written.
        """
        path = self.open(spec) / LOCK
        with locked(path, wait_seconds) as is_ours:
            try:
                yield is_ours
            finally:
                # A process that acquires the deleted lock finds the record and stops.
                if is_ours and (path.parent / "record.json").exists():
                    remove_if_possible(path)

    def how_to_free(self, spec: ExperimentSpec) -> str:
        """Return a hint for messages about a run that is locked by another process."""
        return how_to_free(self.directory(spec) / LOCK)

    def tidy(self, spec: ExperimentSpec) -> None:
        """Delete the lock and the checkpoint of a run that is done, where a process left them."""
        directory = self.directory(spec)
        for path in (directory / LOCK, marker_of(directory / LOCK), directory / CHECKPOINT):
            remove_if_possible(path)

    def finish(self, record: Record) -> None:
        """Write the record of a run, whose other files are there: it is done.

        Raises:
            InputError: The directory cannot be written.
        """
        path = self.directory(record.spec) / "record.json"
        write_json(path, with_digest(record.model_dump(mode="json")))

    def give_up(self, spec: ExperimentSpec, reason: str) -> None:
        """Write down that this run fails, and fails again however often it is tried.

        Its last good checkpoint stays, its lock does not.
        """
        self.note(spec, "failure.json", {"reason": reason})
        remove_if_possible(self.directory(spec) / LOCK)

    def stop(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        """Write down that this run was stopped early, and its last scores; it can go on later."""
        self.note(spec, "stopped.json", dict(row))

    def stopped(self, spec: ExperimentSpec) -> dict[str, Any] | None:
        """The last scores of a run that was stopped early, or None where it was not.

        Raises:
            DamagedError: The file that holds them cannot be used.
        """
        row = self._read_note(spec, "stopped.json")
        if row is not None and not isinstance(row.get("score"), float):
            raise DamagedError(
                f"the stopped.json of {spec.run_name} has no score; delete it to try again"
            )
        return row

    def note(self, spec: ExperimentSpec, name: str, content: dict[str, Any]) -> None:
        """Write a small JSON file about a run."""
        write_json(self.directory(spec) / name, with_digest(content))

    def read_beside(self, name: str) -> dict[str, Any] | None:
        """Read a JSON file that lies beside the runs, or None where there is none."""
        return self._read_if_there(self.root / name)

    def write_beside(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file beside the runs."""
        write_json(self.root / name, with_digest(content))

    @staticmethod
    def _read_if_there(path: Path) -> dict[str, Any] | None:
        return read_json(path) if is_there(path) else None

    def failure(self, spec: ExperimentSpec) -> str | None:
        """Why this run was given up, or None where it was not.

        Raises:
            InputError: The file that says it cannot be used.
        """
        return self._reason(spec, self._read_note(spec, "failure.json"))

    @staticmethod
    def _reason(spec: ExperimentSpec, fields: dict[str, Any] | None) -> str | None:
        if fields is not None and not isinstance(fields.get("reason"), str):
            raise DamagedError(
                f"the failure.json of {spec.run_name} gives no reason; delete it to try again"
            )
        return None if fields is None else fields["reason"]

    def _read_note(self, spec: ExperimentSpec, name: str) -> dict[str, Any] | None:
        return self._read_if_there(self.directory(spec) / name)

    def record(self, spec: ExperimentSpec) -> Record | None:
        """The record of this spec's run, or None where it is not finished.

        Raises:
            InputError: There is a record, but it cannot be used.
        """
        fields = self._read_note(spec, "record.json")
        source = str(self.directory(spec) / "record.json")
        return None if fields is None else Record.parse(fields, source, spec)

    def specs(self, damaged: list[str] | None = None) -> Iterator[ExperimentSpec]:
        """The spec of every run that was begun, in the order of the names of their directories.

        Args:
            damaged: Where to note specs that cannot be used, in words.

        Raises:
            InputError: A spec cannot be used, and it is not to be noted.
        """
        read = _once(_read_spec, lambda spec: spec.id)
        return usable(self.files("spec.json", damaged), read, damaged)

    def records(self, damaged: list[str] | None = None) -> Iterator[tuple[Path, Record]]:
        """Every finished run with its directory, in the order of their names.

        Args:
            damaged: Where to note records that cannot be used, in words.

        Raises:
            InputError: A record cannot be used, and it is not to be noted.
        """
        read = _once(_read_record, lambda found: found[1].spec.id)
        return usable(self.files("record.json", damaged), read, damaged)

    def files(self, name: str, damaged: list[str] | None = None) -> list[Path]:
        """The files of that name in the directories of runs, in the order of these.

        Args:
            name: Of each file.
            damaged: Where to note directories that may not be entered, in words.

        Raises:
            InputError: The directory of runs cannot be read, or one in it may not be entered and
                is not to be noted.
        """
        try:
            with os.scandir(self.root) as entries:
                names = sorted(entry.name for entry in entries)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"cannot read {self.root}: {error.strerror or error}") from error

        def found(path: Path) -> Path | None:
            return path if is_there(path) else None

        paths = (self.root / each / name for each in names)
        return [path for path in usable(paths, found, damaged) if path is not None]


def is_there(path: Path) -> bool:
    """Whether there is such a file in a directory.

    Raises:
        DamagedError: The directory may not be entered.
    """
    try:
        return path.exists()
    except OSError as error:
        raise DamagedError(f"cannot read {path.parent}: {error.strerror or error}") from error


def usable(
    paths: Iterable[Place], read: Callable[[Place], Found], damaged: list[str] | None
) -> Iterator[Found]:
    """Read files, and leave out those that are damaged.

    Args:
        paths: Of the files.
        read: Reads one.
        damaged: Where to note those that cannot be used, in words.

    Raises:
        DamagedError: A file cannot be used, and it is not to be noted.
    """
    for path in paths:
        try:
            found = read(path)
        except DamagedError as error:
            if damaged is None:
                raise
            damaged.append(str(error))
        else:
            yield found


def _read_spec(path: Path) -> ExperimentSpec:
    """Read a spec, and check it against the hash of it that ends the name of its directory.

    Raises:
        DamagedError: It is not whole, or another one.
    """
    try:
        spec = parse_spec(read_json(path), str(path))
    except InputError as error:
        raise DamagedError(str(error)) from error
    if not path.parent.name.endswith(spec.id):
        raise DamagedError(
            f"{path} describes another run than its directory's name says; move it away"
        )
    return spec


def _read_record(path: Path) -> tuple[Path, Record]:
    return path.parent, record_in_place(read_json(path), path)


def record_in_place(fields: dict[str, Any], path: PurePath) -> Record:
    """Validate a record, and check it against the name of its directory, as specs are.

    Raises:
        DamagedError: It is none, or that of another run.
    """
    record = Record.parse(fields, str(path))
    if not path.parent.name.endswith(record.spec.id):
        raise DamagedError(f"{path} is of another run than its directory's name says; move it away")
    return record


def _once(read: Callable[[Path], Found], id_of: Callable[[Found], str]) -> Callable[[Path], Found]:
    """Let files be read once for each run: a copy of one would count as another seed."""
    first: dict[str, Path] = {}

    def read_once(path: Path) -> Found:
        found = read(path)
        before = first.setdefault(id_of(found), path)
        if before != path:
            raise DamagedError(f"{path} is of the same run as {before}; move one of them away")
        return found

    return read_once
