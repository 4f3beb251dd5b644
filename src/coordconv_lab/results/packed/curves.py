"""Read and write curves.csv, the learning curves of the packed runs of all studies.

It has one row per measurement, sorted by run.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from coordconv_lab.results.files import Signature, read_file

CURVES = "curves.csv"

MAX_BYTES = 100_000_000
"""Maximum size of the file; many git hosts have the same limit."""

COLUMNS = b"step,epoch,seconds,learning_rate,train_loss,train_score,test_score\n"
_HEADER = b"study,run," + COLUMNS
_ROW = re.compile(rb"([A-Za-z0-9._-]+),([A-Za-z0-9._-]+),([ -!#-~]*\n)")
_FILE = re.compile(re.escape(COLUMNS) + rb"([ -!#-~]*\n)*")

Key = tuple[str, str]
"""The names of a study and of a run in it."""


class CurveTable:
    """The learning curves of all packed runs.

    Args:
        rows: The rows of each run, as in its metrics.csv.
        faults: Messages about damaged lines.
    """

    def __init__(self, rows: Mapping[Key, Sequence[bytes]], faults: Sequence[str] = ()) -> None:
        self.rows, self.faults = dict(rows), faults

    def file(self, study: str, run: str) -> bytes:
        """Return the content of the metrics.csv of a run, which is only the header without rows."""
        return COLUMNS + b"".join(self.rows.get((study, run), ()))

    def as_file(self) -> bytes:
        """Return the content of the table's file; empty if there are no rows."""
        lines = [
            f"{study},{run},".encode() + row
            for (study, run), rows in sorted(self.rows.items())
            for row in rows
        ]
        return _HEADER + b"".join(lines) if lines else b""


def rows_of(content: bytes) -> list[bytes] | None:
    """Return the rows of a metrics.csv; None if its columns or format differ from the table's."""
    if not _FILE.fullmatch(content):
        return None
    return content.splitlines(keepends=True)[1:]


def read_table(path: Path) -> CurveTable:
    """Read a table, or return it from a cache if the file has not changed.

    If there is no file, the table is empty.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        signature = Signature.of(path)
    except (FileNotFoundError, NotADirectoryError):
        return CurveTable({})
    return _read(path, signature)


@lru_cache(maxsize=8)
def _read(path: Path, _: Signature) -> CurveTable:
    rows: dict[Key, list[bytes]] = defaultdict(list)
    faults: list[str] = []
    lines = read_file(path, MAX_BYTES).splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if match := _ROW.fullmatch(line):
            if line != _HEADER:
                rows[match[1].decode(), match[2].decode()].append(match[3])
        else:
            faults.append(f"{path}, line {number} is not the row of a run; restore it")
    return CurveTable(rows, faults)
