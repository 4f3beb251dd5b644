"""Read and validate the specs and records of runs. Damaged files can be skipped."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, TypeVar

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.results.files import MOST_BYTES, parse_json, read_file, read_json
from coordconv_lab.results.record import Record
from coordconv_lab.results.stored import is_there, packed_with, read_stored_json
from coordconv_lab.specs import ExperimentSpec, parse_spec

Place = TypeVar("Place")
Found = TypeVar("Found")


def usable(
    paths: Iterable[Place], read: Callable[[Place], Found], damaged: list[str] | None
) -> Iterator[Found]:
    """Read files and skip damaged ones.

    Args:
        paths: Paths of the files.
        read: Reads one file.
        damaged: List that receives messages about unusable files.

    Raises:
        DamagedError: A file cannot be used, and ``damaged`` is None.
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


def spec_in_place(path: Path) -> ExperimentSpec:
    """Read a spec, and check that its hash is at the end of the name of its directory.

    Raises:
        DamagedError: The spec is damaged, or belongs to another directory.
    """
    try:
        spec = parse_spec(read_stored_json(path), str(path))
    except InputError as error:
        raise DamagedError(str(error)) from error
    if not path.parent.name.endswith(spec.id):
        raise DamagedError(f"{path} does not match the name of its directory; move it elsewhere")
    return spec


def stored_record(path: Path) -> Record:
    """Read and validate a record, packed or not. A packed record is parsed only once.

    Args:
        path: The record.json of the run.

    Raises:
        DamagedError: The record cannot be used, or differs from the packed record of the same run.
    """
    pack, name = packed_with(path), path.parent.name
    if pack is None:
        return record_in_place(read_json(path), path)
    if is_there(path) and read_file(path) != pack.content(name, path.name, MOST_BYTES):
        raise DamagedError(
            f"{path} and {pack.place(name)} are different records of the same run; delete the "
            "directory or the line"
        )
    if name not in pack.kept:
        content = pack.content(name, path.name, MOST_BYTES)
        pack.kept[name] = record_in_place(parse_json(content, pack.place(name)), path)
    return pack.kept[name]


def record_in_place(fields: dict[str, Any], path: PurePath) -> Record:
    """Validate a record, and check that the hash of its spec ends the name of its directory.

    Raises:
        DamagedError: The record is not valid, or belongs to another directory.
    """
    record = Record.parse(fields, str(path))
    if not path.parent.name.endswith(record.spec.id):
        raise DamagedError(f"{path} does not match the name of its directory; move it elsewhere")
    return record


def once(read: Callable[[Path], Found], id_of: Callable[[Found], str]) -> Callable[[Path], Found]:
    """Return a reader that rejects a second file of the same run.

    A copy of a run would otherwise count as another seed.
    """
    first: dict[str, Path] = {}

    def read_once(path: Path) -> Found:
        found = read(path)
        before = first.setdefault(id_of(found), path)
        if before != path:
            raise DamagedError(
                f"{path} is a copy of the run in {before}; move one of them elsewhere"
            )
        return found

    return read_once
