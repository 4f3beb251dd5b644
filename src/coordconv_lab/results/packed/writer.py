"""Pack the runs of a study into three files, and write packed runs as directories again."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import read_file, remove_if_possible, write_atomically
from coordconv_lab.results.packed.archive import ARCHIVE, archive_of, read_archive, run_of
from coordconv_lab.results.packed.archive import MAX_BYTES as MAX_ARCHIVE_BYTES
from coordconv_lab.results.packed.curves import CURVES, CurveTable, Key, read_table, rows_of
from coordconv_lab.results.packed.lines import (
    RECORDS,
    PackedRun,
    as_document,
    is_safe_file,
    is_safe_run,
    without_spec,
)
from coordconv_lab.results.packed.reader import CURVE, MAX_BYTES, Pack, pack_of

DOCUMENTS = ("failure.json", "record.json", "spec.json", "stopped.json")
"""JSON files, which are stored in the line of a run."""


class SortedRun(NamedTuple):
    """The files of a run, divided among the three packed files.

    Attributes:
        line: The line of the run, with the checksums of all files of the run.
        rows: The rows for the table of learning curves; None if metrics.csv is missing or in the
            archive.
        members: The files for the archive, by path within the directory.
    """

    line: PackedRun
    rows: list[bytes] | None
    members: dict[str, bytes]


def sort_run(name: str, contents: Mapping[str, bytes], pack: Pack | None) -> SortedRun:
    """Divide the files of a run among the packed files. Files that are already packed are kept.

    Args:
        name: Name of the run.
        contents: The contents of the files, by path within the directory of the run.
        pack: The packed runs of the study.

    Raises:
        DamagedError: The packed run is damaged, or has another file of the same name.
    """
    before = pack.run(name) if pack is not None and name in pack else PackedRun(name, {}, {})
    sums, documents = dict(before.sums), dict(before.documents)
    rows, members = None, dict[str, bytes]()
    for file, content in contents.items():
        digest = sha256(content)
        if sums.setdefault(file, digest) != digest:
            raise DamagedError(
                f"{name}/{file} differs from the file of the packed run; delete the directory, or "
                f"delete the line of the run in {RECORDS}"
            )
        document = as_document(content) if file in DOCUMENTS else None
        if document is not None:
            documents[file] = document
        elif file != CURVE or (rows := rows_of(content)) is None:
            members[file] = content
    return SortedRun(PackedRun(name, sums, without_spec(documents)), rows, members)


def add(root: Path, runs: Sequence[SortedRun]) -> None:
    """Add runs to the packed runs of a study.

    The lines of the runs are written last, because readers see a run when its line is written.

    Args:
        root: Directory of the study.
        runs: The runs. The caller must hold the lock of the directory of results.

    Raises:
        DamagedError: A packed file that would have to be rewritten is damaged.
        InputError: A packed file would be too large, or cannot be written.
    """
    pack, table = _writable(root)
    rows = {(root.name, run.line.name): run.rows for run in runs if run.rows}
    members = {
        f"{run.line.name}/{file}": content for run in runs for file, content in run.members.items()
    }
    if members:
        _replace(root / ARCHIVE, archive_of(_members(root) | members), MAX_ARCHIVE_BYTES)
    if rows:
        _write_table(root, {**table.rows, **rows})
    _write_lines(root, pack, {run.line.name: run.line for run in runs})


def remove(root: Path, names: Iterable[str]) -> None:
    """Remove runs from the packed runs of a study. Their lines are removed last.

    If no run is left, also remove the data of runs without a line, if they have a directory. A
    killed process may leave such data.

    Raises:
        DamagedError: A packed file that would have to be rewritten is damaged. Or no run is left,
            but there are data of runs with neither a line nor a directory. These data are kept.
        InputError: A packed file cannot be written.
    """
    (pack, table), gone = _writable(root), set(names)
    members = _members(root)
    is_empty = pack is None or not set(pack) - gone
    owners = {run for study, run in table.rows if study == root.name} | set(map(run_of, members))
    if is_empty:
        gone |= {name for name in owners if (root / name).is_dir()}
    rows = {
        (study, name): each
        for (study, name), each in table.rows.items()
        if study != root.name or name not in gone
    }
    kept = {name: each for name, each in members.items() if run_of(name) not in gone}
    if len(kept) < len(members):
        _replace(root / ARCHIVE, archive_of(kept), MAX_ARCHIVE_BYTES)
    if len(rows) < len(table.rows):
        _write_table(root, rows)
    _write_lines(root, pack, {}, gone)
    if is_empty and (left := sorted(owners - gone)):
        raise DamagedError(
            f"{root / left[0]} has a curve or files, but no line in {RECORDS}, so its data stay in "
            f"{ARCHIVE} and {CURVES}; restore {RECORDS}, or delete {root / ARCHIVE} to discard them"
        )


def files_of(directory: Path, left_out: Iterable[Path] = ()) -> dict[str, bytes]:
    """Read the files of a finished run, to pack them.

    Checkpoints, locks and unfinished files are omitted.

    Args:
        directory: Directory of the run.
        left_out: Other files that are not packed.

    Raises:
        DamagedError: A file cannot be read, or cannot be packed, for example a link.
    """
    if not is_safe_run(directory.name):
        raise DamagedError(
            f"{directory}: the name of a run may contain only letters, digits, '.', '_' and '-'"
        )
    found, left = dict[str, bytes](), set(left_out)
    try:
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory).as_posix()
            if path in left or path.is_dir() or _is_temporary(path):
                continue
            if path.is_symlink() or not is_safe_file(name):
                raise DamagedError(f"{path} is a link or has an unusual name; remove it")
            found[name] = read_file(path, MAX_ARCHIVE_BYTES)
    except OSError as error:
        raise DamagedError(f"cannot read {directory}: {error.strerror or error}") from error
    return found


def delete_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Delete the files of a packed run that have not changed, and directories that become empty.

    Raises:
        OSError: A file cannot be deleted.
    """
    for name, content in files.items():
        path = directory / name
        if read_file(path, MAX_ARCHIVE_BYTES) == content:
            path.unlink()
    parents = sorted({(directory / name).parent for name in files}, reverse=True)
    for path in [*parents, directory]:
        with suppress(OSError):  # it contains other files
            path.rmdir()


def write_files(directory: Path, pack: Pack, name: str) -> None:
    """Write the files of a packed run into a directory, the record last.

    Existing files with the same content are kept.

    Raises:
        DamagedError: A file is damaged, or exists with different content.
        InputError: A file cannot be written.
    """
    sums = pack.run(name).sums
    missing = [file for file in sums if _is_missing(directory / file, sums[file])]
    try:
        contents = {file: pack.content(name, file, MAX_ARCHIVE_BYTES) for file in missing}
    except OSError as error:
        archive = pack.root / ARCHIVE
        raise DamagedError(f"cannot read {archive}: {error.strerror or error}") from error
    for file in sorted(contents, key=lambda each: (each == "record.json", each)):
        write_atomically(directory / file, contents[file])


def _is_missing(path: Path, digest: str) -> bool:
    try:
        is_same = sha256(read_file(path, MAX_ARCHIVE_BYTES)) == digest
    except FileNotFoundError:
        return True
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {error.strerror or error}") from error
    if not is_same:
        raise DamagedError(f"{path} exists and differs from the packed file; delete one of them")
    return False


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(("run.lock", ".")) or path.suffix == ".ckpt"


def _writable(root: Path) -> tuple[Pack | None, CurveTable]:
    """Return the packed runs and the table of curves, in order to change and write them.

    Raises:
        DamagedError: A line does not belong to a run, and would be lost.
    """
    pack, path = pack_of(root), root.parent / CURVES
    try:
        table = read_table(path)
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {error.strerror or error}") from error
    if faults := [*(pack.faults if pack is not None else ()), *table.faults]:
        raise DamagedError(faults[0])
    return pack, table


def _members(root: Path) -> dict[str, bytes]:
    path = root / ARCHIVE
    try:
        return read_archive(path)
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {error.strerror or error}") from error
    except DamagedError as error:
        raise DamagedError(f"{root}: {error}") from error


def _write_table(root: Path, rows: Mapping[Key, Sequence[bytes]]) -> None:
    _replace(root.parent / CURVES, CurveTable(rows).as_file(), MAX_BYTES)


def _write_lines(
    root: Path, pack: Pack | None, new: Mapping[str, PackedRun], gone: Iterable[str] = ()
) -> None:
    lines = {name: pack.line(name) for name in pack} if pack is not None else {}
    lines |= {name: run.as_line() for name, run in new.items()}
    for name in gone:
        lines.pop(name, None)
    kept = (lines[name].rstrip(b"\r\n") + b"\n" for name in sorted(lines))
    _replace(root / RECORDS, b"".join(kept), MAX_BYTES)


def _replace(path: Path, content: bytes, most: int) -> None:
    """Write a packed file if its content differs, or delete it if it would be empty.

    Raises:
        InputError: The file would be too large, or cannot be written.
    """
    if len(content) > most:
        raise InputError(
            f"{path} would have {len(content):,} bytes; at most {most:,} are allowed. List files "
            "that should not be packed in .gitignore, or split the study"
        )
    if not content:
        remove_if_possible(path)
    elif not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)
    if os.name == "posix" and path.exists() != bool(content):
        raise InputError(f"cannot delete {path}")
