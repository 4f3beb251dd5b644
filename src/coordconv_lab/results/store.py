"""The directory of runs: one subdirectory a run, named after its spec."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from coordconv_lab.errors import DamagedError, HeldError, InputError
from coordconv_lab.results.digest import with_digest
from coordconv_lab.results.files import read_json, remove_leftovers, write_json
from coordconv_lab.results.record import Record
from coordconv_lab.specs import ExperimentSpec, parse_spec

CHECKPOINT = "checkpoint.ckpt"
"""The file from which a run goes on that was killed; of a run that is trained alone."""

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
            InputError: The directory cannot be written, or holds another spec.
        """
        directory = self.directory(spec)
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
        try:
            with FileLock(directory / "run.lock", mode=0o666, blocking=False):
                shutil.rmtree(directory)
        except Timeout as error:
            raise HeldError(
                f"another process is at the run {spec.run_name}; end it, or leave --fresh out"
            ) from error
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
        path = self.open(spec) / "run.lock"
        lock = FileLock(path, mode=0o666)  # for whoever may write the directory
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise InputError(f"cannot lock {path}: {error.strerror or error}") from error
        try:
            yield True
        finally:
            # Who holds a lock that is deleted finds the record, and has nothing to do.
            if (path.parent / "record.json").exists():
                path.unlink(missing_ok=True)
            lock.release()

    def tidy(self, spec: ExperimentSpec) -> None:
        """Delete the lock and the checkpoint of a run that is done, where a process left them."""
        for name in ("run.lock", CHECKPOINT):
            path = self.directory(spec) / name
            remove_leftovers(path)
            if path.exists():  # where nothing can be written, nothing has to be
                path.unlink(missing_ok=True)

    def finish(self, record: Record) -> None:
        """Write the record of a run, whose other files are there: it is done.

        Raises:
            InputError: The directory cannot be written.
        """
        path = self.directory(record.spec) / "record.json"
        write_json(path, with_digest(record.model_dump(mode="json")))

    def give_up(self, spec: ExperimentSpec, reason: str) -> None:
        """Write down that this run fails, and fails again however often it is tried."""
        self.note(spec, "failure.json", {"reason": reason})

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
        try:
            there = path.exists()
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        return read_json(path) if there else None

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
        return usable(self.files("spec.json"), _read_spec, damaged)

    def records(self, damaged: list[str] | None = None) -> Iterator[tuple[Path, Record]]:
        """Every finished run with its directory, in the order of their names.

        Args:
            damaged: Where to note records that cannot be used, in words.

        Raises:
            InputError: A record cannot be used, and it is not to be noted.
        """
        return usable(self.files("record.json"), _read_record, damaged)

    def files(self, name: str) -> list[Path]:
        """The files of that name in the directories of runs, in the order of these.

        Raises:
            InputError: The directory of runs cannot be read.
        """
        try:
            with os.scandir(self.root) as entries:
                names = sorted(entry.name for entry in entries)
            return [path for each in names if (path := self.root / each / name).exists()]
        except FileNotFoundError:
            return []
        except OSError as error:
            place = error.filename or self.root
            raise InputError(f"cannot read {place}: {error.strerror or error}") from error


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
    return path.parent, Record.parse(read_json(path), str(path))
