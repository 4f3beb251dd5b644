"""Check every file of the runs in a directory of results, which has a subdirectory per study."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.results.packed import ARCHIVE, RECORDS, Pack, pack_of
from coordconv_lab.results.packed.archive import MAX_BYTES, member_names, run_of
from coordconv_lab.results.packed.curves import CURVES, CurveTable, read_table
from coordconv_lab.results.packing import studies_in
from coordconv_lab.results.store import RunStore


class Checked(NamedTuple):
    """The undamaged runs of a study.

    Attributes:
        study: Name of the study.
        packed: Number of packed runs.
        files: Number of files of the packed runs.
        directories: Number of finished runs that are stored as directories.
    """

    study: str
    packed: int
    files: int
    directories: int


def check(results: Path, names: Sequence[str], damaged: list[str]) -> list[Checked]:
    """Read every record and every file of the packed runs, and compare them with their checksums.

    Packed runs are stored together in a few files per study, instead of one directory per run.

    Args:
        results: Directory of results.
        names: Names of studies; all if empty.
        damaged: List that receives messages about files that are damaged or belong to no run.

    Raises:
        InputError: A directory cannot be used.
    """
    studies = studies_in(results, names)
    table = CurveTable({})
    try:
        table = read_table(results / CURVES)
    except OSError as error:
        damaged.append(f"cannot read {results / CURVES}: {error.strerror or error}")
    damaged += table.faults
    if not names:
        known = {root.name for root in studies}
        damaged += [
            f"{results / CURVES} has rows of {study}/{run}, but there is no such study"
            for study, run in table.rows
            if study not in known
        ]
    return [_check_study(root, table, damaged) for root in studies]


def _check_study(root: Path, table: CurveTable, damaged: list[str]) -> Checked:
    try:
        pack = pack_of(root)
        records = list(RunStore(root).records(damaged))
    except InputError as error:
        damaged.append(str(error))
        return Checked(root.name, 0, 0, 0)
    directories = sum((path / "record.json").exists() for path, _ in records)
    if pack is None:
        return Checked(root.name, 0, 0, directories)
    sound = [name for name in pack if _is_sound(pack, name, damaged)]
    files = sum(len(pack.run(name).sums) for name in sound)
    _note_orphans(pack, table, damaged)
    return Checked(root.name, len(sound), files, directories)


def _is_sound(pack: Pack, name: str, damaged: list[str]) -> bool:
    try:
        files = list(pack.run(name).sums)
    except DamagedError:  # already reported with the records
        return False
    is_sound = True
    for file in files:
        try:
            pack.content(name, file, MAX_BYTES)
        except (OSError, DamagedError) as error:
            is_sound = False
            if file != "record.json":
                damaged.append(f"{pack.root / name}: {error}")
    return is_sound


def _note_orphans(pack: Pack, table: CurveTable, damaged: list[str]) -> None:
    """Report curves and archived files that no run lists, which killed processes may leave.

    The record of a packed run is a line in a file of records, which is written last.
    """
    root = pack.root
    runs = {run for study, run in table.rows if study == root.name and run not in pack}
    members: list[str] = []
    try:
        members = member_names(root / ARCHIVE)
    except (OSError, DamagedError) as error:
        damaged.append(f"{root}: {error}")
    orphans = sorted(runs | {name for member in members if (name := run_of(member)) not in pack})
    damaged += [
        f"{root / name} has a curve or files, but no record; restore {RECORDS}, or pack its "
        f"directory again; to discard them, unpack the study and delete {ARCHIVE}"
        for name in orphans
        if not (root / name).is_dir()
    ]
    damaged += [
        f"{root / member} is in {ARCHIVE}, but its run does not list it, so it is not unpacked; "
        "restore the records of the run, or unpack and pack the study to delete the file"
        for member in members
        if not (_is_listed(pack, member) or (root / run_of(member)).is_dir())
    ]


def _is_listed(pack: Pack, member: str) -> bool:
    """Whether a run lists this file, or has no usable record, which is reported elsewhere."""
    name, _, file = member.partition("/")
    try:
        return name not in pack or file in pack.run(name).sums
    except DamagedError:
        return True
