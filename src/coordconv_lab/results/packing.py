"""Pack the runs of studies: store them in a few files per study instead of one directory per run.

A directory of results has one subdirectory per study, which contains the runs of the study.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from coordconv_lab.errors import DamagedError, InputError, LockedError
from coordconv_lab.results.git import ignored_files
from coordconv_lab.results.locks import how_to_free, locked
from coordconv_lab.results.packed import pack_of
from coordconv_lab.results.packed.writer import (
    SortedRun,
    add,
    delete_files,
    files_of,
    remove,
    sort_run,
    write_files,
)
from coordconv_lab.results.store import LOCK
from coordconv_lab.results.stored import is_stored, read_stored_json
from coordconv_lab.results.validated import spec_in_place, stored_record

PACK_LOCK = "pack.lock"
"""Lock file in the directory of results, held by the process that writes packed files."""

WAIT_SECONDS = 60.0


class Change(NamedTuple):
    """Changes to the runs of one study.

    Attributes:
        study: Name of the study.
        done: Names of the runs that were packed or unpacked.
        left: Names of directories that were not packed: unfinished, in use, or not a run.
    """

    study: str
    done: Sequence[str]
    left: Sequence[str] = ()


def studies_in(results: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the directories of studies, sorted.

    Args:
        results: Directory of results.
        names: Names of studies; all if empty.

    Raises:
        InputError: The directory or a study does not exist.
    """
    if not results.is_dir():
        raise InputError(
            f"{results} is not a directory; run this in a checkout, or give the directory of "
            "results with --results"
        )
    found = {path.name: path for path in sorted(results.glob("*/")) if path.name[0] != "."}
    if missing := [name for name in names if name not in found]:
        raise InputError(
            f"{results} has no study {missing[0]!r}; the studies are {', '.join(found)}"
        )
    return [path for name, path in found.items() if not names or name in names]


@contextmanager
def packing(results: Path) -> Iterator[None]:
    """Lock a directory of results against other processes that pack or unpack.

    Raises:
        LockedError: Another process held the lock for a minute.
        InputError: The directory cannot be written.
    """
    path = results / PACK_LOCK
    with locked(path, WAIT_SECONDS) as is_ours:
        if not is_ours:
            raise LockedError(
                f"another process is packing {results}; wait until it has finished"
                f"{how_to_free(path)}"
            )
        yield


def pack(results: Path, names: Sequence[str], damaged: list[str]) -> list[Change]:
    """Pack the finished and the failed runs of studies, and delete their directories.

    Runs are added to the runs that are already packed. Files that git ignores, checkpoints,
    unfinished runs and runs with damaged files are not packed. If the process is killed, no run is
    lost: each is still a directory, or packed, or both. The next call continues with the remaining
    runs.

    Args:
        results: Directory of results.
        names: Names of studies; all if empty.
        damaged: List that receives messages about files that cannot be used.

    Raises:
        LockedError: Another process is packing.
        InputError: The directory cannot be used.
    """
    studies = studies_in(results, names)
    with packing(results):
        ignored = ignored_files(results)
        return [_pack_study(root, ignored, damaged) for root in studies]


def _pack_study(root: Path, ignored: set[Path], damaged: list[str]) -> Change:
    runs: dict[str, tuple[SortedRun, dict[str, bytes]]] = {}
    left: list[str] = []
    try:
        if root.is_symlink():
            raise DamagedError(f"{root} is a link; links are not packed")
        packed = pack_of(root)
        for directory in sorted(root.glob("*/")):
            try:
                files = _finished(directory, ignored)
                if files is None:
                    left.append(directory.name)
                elif files:
                    runs[directory.name] = sort_run(directory.name, files, packed), files
            except DamagedError as error:
                damaged.append(str(error))
                left.append(directory.name)
        if runs:
            add(root, [run for run, _ in runs.values()])
    except InputError as error:
        damaged.append(str(error))
        return Change(root.name, (), [*left, *runs])
    for name, (_, files) in runs.items():
        try:
            _delete(root / name, files)
        except (InputError, OSError) as error:
            damaged.append(f"{root / name} is packed, but its directory cannot be deleted: {error}")
    return Change(root.name, list(runs), left)


def _finished(directory: Path, ignored: set[Path]) -> dict[str, bytes] | None:
    """Read the files of a run, packed or not; None if it has neither finished nor failed.

    Raises:
        DamagedError: A file cannot be used.
    """
    if directory.is_symlink():
        raise DamagedError(f"{directory} is a link; links are not packed")
    record, failure = directory / "record.json", directory / "failure.json"
    if is_stored(record):
        valid = stored_record(record)
        files = files_of(directory, ignored)
        for name in files:
            try:
                valid.check_file(directory / name)
            except DamagedError as error:
                raise DamagedError(f"{directory}: {error}") from error
        return files
    if is_stored(failure) and is_stored(directory / "spec.json"):
        spec_in_place(directory / "spec.json")
        read_stored_json(failure)
        return files_of(directory, ignored)
    return None


def _delete(directory: Path, files: dict[str, bytes]) -> None:
    path = directory / LOCK
    with locked(path) as is_ours:
        if not is_ours:
            raise LockedError(f"the run is locked by another process{how_to_free(path)}")
        path.unlink(missing_ok=True)
        delete_files(directory, files)


def unpack(
    results: Path, names: Sequence[str], damaged: list[str], out: Path | None = None
) -> list[Change]:
    """Write packed runs as directories, byte for byte as they were.

    Args:
        results: Directory of results.
        names: Names of studies; all if empty.
        damaged: List that receives messages about unusable files; their runs stay packed.
        out: Where to write the directories, while keeping the packed files. If None, the
            directories replace the packed files.

    Raises:
        LockedError: Another process is packing.
        InputError: A directory cannot be used.
    """
    studies = studies_in(results, names)
    if out is not None:
        return [_unpack_study(root, out / root.name, damaged) for root in studies]
    with packing(results):
        changes = [_unpack_study(root, root, damaged) for root in studies]
        for root, change in zip(studies, changes, strict=True):
            try:
                if change.done:
                    remove(root, change.done)
            except InputError as error:
                damaged.append(str(error))
    return changes


def _unpack_study(root: Path, target: Path, damaged: list[str]) -> Change:
    done: list[str] = []
    try:
        packed = pack_of(root)
    except DamagedError as error:
        damaged.append(str(error))
        packed = None
    if packed is None:
        return Change(root.name, done)
    damaged += packed.faults
    for name in packed:
        try:
            write_files(target / name, packed, name)
            done.append(name)
        except DamagedError as error:
            damaged.append(f"{root / name}: {error}")
    return Change(root.name, done)
