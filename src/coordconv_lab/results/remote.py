"""Runs at an fsspec URL, such as s3:// or gs://."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from coordconv_lab.errors import InputError
from coordconv_lab.results.digest import with_digest
from coordconv_lab.results.files import json_bytes, parse_json
from coordconv_lab.results.plugin_versions import check_versions
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.results.validated import record_in_place, usable
from coordconv_lab.specs import ExperimentSpec

# The record is uploaded last, so that a run with a record has all of its files.
_PUBLISHED = (
    "spec.json",
    "metrics.csv",
    "weights.safetensors",
    "predictions.npz",
    "sheet.png",
    "record.json",
)


def store_at(place: str | Path) -> RunStore:
    """Return the store of a directory or a URL. A file:// URL is opened as a directory.

    Raises:
        InputError: The URL cannot be opened.

    Example:
        >>> store_at("runs").root.name, store_at("file:///shared/runs").root.name
        ('runs', 'runs')
    """
    place = str(place).removeprefix("file://")
    return RemoteRunStore(place) if "://" in place else RunStore(Path(place))


class RemoteRunStore(RunStore):
    """Runs that are trained in a local temporary directory and uploaded to a URL when finished.

    If a run is stopped or its machine fails, it restarts from the beginning. If two processes train
    the same run, the process that finishes later replaces the files of the other. This does no
    harm, because the scores are the same.

    Args:
        url: URL of the runs.

    Raises:
        InputError: The URL cannot be opened.
    """

    keeps_unfinished = False

    def __init__(self, url: str) -> None:
        try:
            self._files, self._base = fsspec.url_to_fs(url)
        except Exception as error:  # each kind of storage raises its own exceptions
            raise InputError(f"cannot open {url}: {error}") from error
        self.url = url.rstrip("/")
        super().__init__(Path(tempfile.gettempdir()) / f"coordconv-{uuid.uuid4().hex}")

    @property
    def place(self) -> str:
        """URL of the runs."""
        return self.url

    @contextmanager
    def held(self, spec: ExperimentSpec, wait_seconds: float = 0.0) -> Iterator[bool]:
        """Lock a run in this process, and delete its local files afterwards."""
        try:
            with super().held(spec, wait_seconds) as is_ours:
                yield is_ours
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    def record(self, spec: ExperimentSpec) -> Record | None:
        """Return the record of a run, or None if it is not finished.

        Raises:
            InputError: The record cannot be read or used, or was made with another version of a
                plug-in.
        """
        fields = self._read_note(spec, "record.json")
        if fields is None:
            return None
        source = f"{self.url}/{spec.run_name}/record.json"
        record = Record.parse(fields, source, spec)
        check_versions(record.provenance.plugins, spec, source)
        return record

    def finish(self, record: Record) -> None:
        """Upload a finished run to the URL.

        Raises:
            InputError: The URL cannot be written.
        """
        super().finish(record)
        spec, directory = record.spec, self.directory(record.spec)
        for name in _PUBLISHED:
            if (directory / name).exists():
                self._write(spec, name, (directory / name).read_bytes())

    def note(self, spec: ExperimentSpec, name: str, content: dict[str, Any]) -> None:
        """Write a small JSON file about a run.

        Raises:
            InputError: The URL cannot be written.
        """
        self._write(spec, name, json_bytes(with_digest(content)))

    def read_beside(self, name: str) -> dict[str, Any] | None:
        """Read a JSON file in the directory of runs, or return None if it does not exist."""
        return self._parsed(f"{self._base}/{name}")

    def write_beside(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file into the directory of runs."""
        self._put(f"{self._base}/{name}", json_bytes(with_digest(content)))

    def specs(self, damaged: list[str] | None = None) -> Iterator[ExperimentSpec]:
        """Yield the spec of every finished run.

        Args:
            damaged: List that receives messages about unusable records.

        Raises:
            InputError: A record cannot be read, or cannot be used and ``damaged`` is None.
        """
        for _, record in self.records(damaged):
            yield record.spec

    def records(self, damaged: list[str] | None = None) -> Iterator[tuple[Path, Record]]:
        """Yield every finished run with the path of its directory.

        Args:
            damaged: List that receives messages about unusable records.

        Raises:
            InputError: A record cannot be read, or cannot be used and ``damaged`` is None.
        """
        paths = sorted(self._files.glob(f"{self._base}/*/record.json"))
        found = usable(paths, self._named_record, damaged)
        yield from (one for one in found if one is not None)

    def _named_record(self, path: str) -> tuple[Path, Record] | None:
        fields = self._parsed(path)
        return None if fields is None else (Path(path).parent, record_in_place(fields, Path(path)))

    def _read_note(self, spec: ExperimentSpec, name: str) -> dict[str, Any] | None:
        return self._parsed(f"{self._base}/{spec.run_name}/{name}")

    def _parsed(self, path: str) -> dict[str, Any] | None:
        try:
            content = self._files.cat_file(path)
        except FileNotFoundError:
            return None
        except Exception as error:  # each kind of storage raises its own exceptions
            raise InputError(f"cannot read {path}: {error}") from error
        return parse_json(content, path)

    def _write(self, spec: ExperimentSpec, name: str, content: bytes) -> None:
        self._put(f"{self._base}/{spec.run_name}/{name}", content)

    def _put(self, path: str, content: bytes) -> None:
        try:
            self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._files.pipe_file(path, content)
        except Exception as error:  # each kind of storage raises its own exceptions
            raise InputError(f"cannot write {path}: {error}") from error
