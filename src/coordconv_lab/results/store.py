"""A directory of runs, with one subdirectory per run, whose name ends with the id of its spec."""

import os
import re
import shutil
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from coordconv_lab.errors import DamagedError, InputError, LockedError
from coordconv_lab.python_files import working_directory
from coordconv_lab.results.digest import with_digest
from coordconv_lab.results.files import read_json, remove_if_possible, write_json
from coordconv_lab.results.locks import how_to_free, locked, marker_of
from coordconv_lab.results.packed import pack_of
from coordconv_lab.results.plugin_versions import check_versions, loaded_versions
from coordconv_lab.results.record import Record
from coordconv_lab.results.stored import is_stored, is_there, read_stored_json
from coordconv_lab.results.validated import once, spec_in_place, stored_record, usable
from coordconv_lab.specs import ExperimentSpec

CHECKPOINT = "checkpoint.ckpt"
"""File from which a killed run resumes. Runs that are trained together use another file."""

LOCK = "run.lock"
"""Lock file in the directory of a run, held by the process that trains the run."""


class RunStore:
    """Runs in one directory.

    The directory of a run contains spec.json from the start of the run. When the run is finished,
    the directory also contains metrics.csv, weights.safetensors, predictions.npz, sheet.png if the
    network outputs images, and record.json, which is written last. Finished runs can be packed,
    that is, stored together in three files. Packed runs are read as if they were directories. New
    runs are always directories.

    Attributes:
        keeps_unfinished: Whether the files of a run are kept if the run ends without a record.

    Raises:
        InputError: The directory is a URL.
    """

    keeps_unfinished = True

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._within = None if self.root.is_absolute() else working_directory()
        if re.match("[A-Za-z][A-Za-z0-9+.-]+:/", self.root.as_posix()):
            # Otherwise, a local directory with the name of the protocol would be created.
            raise InputError(
                f"expected a local directory of runs, got the URL {root}; only the command sweep "
                "can write runs to a URL"
            )

    @property
    def place(self) -> str:
        """Directory or URL of the runs, from which `store_at` in `remote` opens the store again."""
        return str(self.root)

    def directory(self, spec: ExperimentSpec) -> Path:
        """Return the directory of a run, which may not exist yet.

        Raises:
            InputError: The directory of runs is relative, and the working directory has changed.
        """
        if self._within is not None and (found := working_directory()) != self._within:
            raise InputError(
                f"the working directory has changed from {self._within} to {found}, in which "
                f"{self.root} is another directory; remove the call of os.chdir from your code, or "
                "set an absolute directory of runs"
            )
        return self.root / spec.run_name

    def open(self, spec: ExperimentSpec) -> Path:
        """Create the directory of a run and write its spec, or check the existing spec.

        Raises:
            InputError: The directory cannot be written, contains another spec, or is a link. The
                target of a link may contain files that do not belong to a run.
        """
        directory = self.directory(spec)
        if directory.is_symlink():
            raise InputError(
                f"{directory} is a link, and runs are not written through links; remove it"
            )
        path = directory / "spec.json"
        if not path.exists():
            write_json(path, spec.model_dump(mode="json"))
        else:
            spec_in_place(path)
        return directory

    def delete(self, *specs: ExperimentSpec) -> None:
        """Delete the directories of runs, if they exist. If one cannot be deleted, delete none.

        Raises:
            LockedError: A run is locked by another process.
            InputError: A directory cannot be deleted.
        """
        pack = pack_of(self.root)
        with ExitStack() as held:
            there = [spec for spec in specs if self._is_deletable(spec, pack)]
            for spec in there:
                lock = self.directory(spec) / LOCK
                if not held.enter_context(locked(lock)):
                    raise LockedError(
                        f"the run {spec.run_name} is locked by another process; end that process, "
                        f"or omit --fresh{how_to_free(lock)}"
                    )
            for directory in map(self.directory, there):
                try:
                    shutil.rmtree(directory)
                except OSError as error:
                    raise InputError(
                        f"cannot delete {directory}: {error.strerror or error}"
                    ) from error

    def _is_deletable(self, spec: ExperimentSpec, pack: Container[str] | None) -> bool:
        """Return whether a run has a directory.

        Raises:
            InputError: The run is packed, or its directory is a link.
        """
        directory = self.directory(spec)
        if pack is not None and spec.run_name in pack:
            raise InputError(
                f"cannot delete {directory}: the run is packed; use coordconv results unpack, or "
                "omit --fresh"
            )
        if directory.is_symlink():
            raise InputError(f"cannot delete {directory}: it is a link; remove the link by hand")
        return directory.exists()

    @contextmanager
    def held(self, spec: ExperimentSpec, wait_seconds: float = 0.0) -> Iterator[bool]:
        """Lock a run, unless another process has locked it, and yield whether this succeeded.

        The lock is released if the process dies.

        Args:
            spec: Spec of the run.
            wait_seconds: How long to wait for another process to release the lock.

        Raises:
            InputError: The directory cannot be written.
        """
        path = self.open(spec) / LOCK
        with locked(path, wait_seconds) as is_ours:
            try:
                yield is_ours
            finally:
                # A process that still acquires the deleted lock will find the record and stop.
                if is_ours and (path.parent / "record.json").exists():
                    remove_if_possible(path)

    @contextmanager
    def record_or_lock(
        self, spec: ExperimentSpec, wait_seconds: float = 0.0
    ) -> Iterator[Record | None]:
        """Yield the record of a run if it is finished. Otherwise, lock the run and yield None.

        If another process finishes the run during the wait, the run is locked and its record is
        yielded.

        Raises:
            LockedError: The run is still locked by another process after the wait.
            InputError: The directory cannot be written, or the record cannot be used.
        """
        record = self.record(spec)
        if record is not None:
            # The process that recorded the run may have been killed before it cleaned up.
            self.tidy(spec)
            yield record
            return
        with self.held(spec, wait_seconds) as is_ours:
            if not is_ours:
                raise LockedError(
                    f"the run {spec.run_name} is locked by another process; wait for it to finish, "
                    f"then try again{how_to_free(self.directory(spec) / LOCK)}"
                )
            yield self.record(spec)

    def tidy(self, spec: ExperimentSpec) -> None:
        """Delete the lock and the checkpoint that a finished run may have left."""
        directory = self.directory(spec)
        for path in (directory / LOCK, marker_of(directory / LOCK), directory / CHECKPOINT):
            remove_if_possible(path)

    def finish(self, record: Record) -> None:
        """Write the record of a run, after all of its other files.

        Raises:
            InputError: The directory cannot be written.
        """
        path = self.directory(record.spec) / "record.json"
        write_json(path, with_digest(record.model_dump(mode="json")))

    def give_up(self, spec: ExperimentSpec, reason: str) -> None:
        """Record that a run failed and must not be retried.

        The last good checkpoint of the run is kept, but the lock is deleted.
        """
        plugins = loaded_versions(spec)
        made_with = {"plugins": plugins} if plugins else {}
        self.note(spec, "failure.json", {"reason": reason, **made_with})
        remove_if_possible(self.directory(spec) / LOCK)

    def stop(self, spec: ExperimentSpec, row: Mapping[str, float]) -> None:
        """Record that a run was stopped early, with its last scores. It can be resumed later."""
        self.note(spec, "stopped.json", dict(row))

    def stopped(self, spec: ExperimentSpec) -> dict[str, Any] | None:
        """Return the last scores of a run that was stopped early; None for other runs.

        Raises:
            DamagedError: The file with the scores cannot be used.
        """
        row = self._read_note(spec, "stopped.json")
        if row is not None and not isinstance(row.get("score"), float):
            raise DamagedError(
                f"the stopped.json of {spec.run_name} has no score; delete it to retry the run"
            )
        return row

    def note(self, spec: ExperimentSpec, name: str, content: dict[str, Any]) -> None:
        """Write a small JSON file about a run."""
        write_json(self.directory(spec) / name, with_digest(content))

    def read_beside(self, name: str) -> dict[str, Any] | None:
        """Read a JSON file in the directory of runs, or return None if it does not exist."""
        path = self.root / name
        return read_json(path) if is_there(path) else None

    def write_beside(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file into the directory of runs."""
        write_json(self.root / name, with_digest(content))

    def failure(self, spec: ExperimentSpec) -> str | None:
        """Return why a run failed, or None if it did not fail with the loaded plug-ins.

        A run that failed with another version of a plug-in can be retried, because the error may
        have been corrected.

        Raises:
            InputError: The file with the reason cannot be used.
        """
        fields = self._read_note(spec, "failure.json")
        reason = self._reason(spec, fields)
        is_old = fields is not None and fields.get("plugins", {}) != loaded_versions(spec)
        return None if is_old else reason

    @staticmethod
    def _reason(spec: ExperimentSpec, fields: dict[str, Any] | None) -> str | None:
        if fields is not None and not isinstance(fields.get("reason"), str):
            raise DamagedError(
                f"the failure.json of {spec.run_name} has no reason; delete it to retry the run"
            )
        return None if fields is None else fields["reason"]

    def _read_note(self, spec: ExperimentSpec, name: str) -> dict[str, Any] | None:
        path = self.directory(spec) / name
        return read_stored_json(path) if is_stored(path) else None

    def record(self, spec: ExperimentSpec) -> Record | None:
        """Return the record of a run, or None if it is not finished.

        Raises:
            InputError: The record cannot be used, or was made with another version of a plug-in.
        """
        path = self.directory(spec) / "record.json"
        if not is_stored(path):
            return None
        record = stored_record(path)
        if record.spec != spec:
            raise DamagedError(
                f"{path} belongs to another run than {spec.run_name}; move it elsewhere"
            )
        check_versions(record.provenance.plugins, spec, str(path))
        return record

    def specs(self, damaged: list[str] | None = None) -> Iterator[ExperimentSpec]:
        """Yield the spec of every run that was started, sorted by the name of the directory.

        Args:
            damaged: List that receives messages about unusable specs.

        Raises:
            InputError: A spec cannot be used, and ``damaged`` is None.
        """
        read = once(spec_in_place, lambda spec: spec.id)
        return usable(self.files("spec.json", damaged), read, damaged)

    def records(self, damaged: list[str] | None = None) -> Iterator[tuple[Path, Record]]:
        """Yield the directory and the record of every finished run, sorted by name.

        Args:
            damaged: List that receives messages about unusable records.

        Raises:
            InputError: A record cannot be used, and ``damaged`` is None.
        """
        read = once(_placed_record, lambda found: found[1].spec.id)
        found = usable(self.files("record.json", damaged), read, damaged)
        packs = usable([self.root], pack_of, damaged)
        faults = [fault for pack in packs if pack is not None for fault in pack.faults]
        return chain(usable(faults, _refused, damaged), found)

    def files(self, name: str, damaged: list[str] | None = None) -> list[Path]:
        """Return the files with a given name of all runs, packed or not, sorted by directory.

        Args:
            name: Name of the files.
            damaged: List that receives messages about directories without permission.

        Raises:
            InputError: The directory of runs or its packed runs cannot be read, or permission is
                denied for a directory in it and ``damaged`` is None.
        """
        try:
            with os.scandir(self.root) as entries:
                names = {entry.name for entry in entries}
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"cannot read {self.root}: {error.strerror or error}") from error
        # Read packed runs after directories, so that runs that are just being packed are found.
        for pack in usable([self.root], pack_of, damaged):
            names |= set(pack or ())

        def found(path: Path) -> Path | None:
            return path if is_stored(path) else None

        paths = (self.root / each / name for each in sorted(names))
        return [path for path in usable(paths, found, damaged) if path is not None]


def _refused(message: str) -> NoReturn:
    raise DamagedError(message)


def _placed_record(path: Path) -> tuple[Path, Record]:
    return path.parent, stored_record(path)
