"""Read the packed runs of one study as if they were directories.

Packed runs are stored in records.jsonl, curves.csv and files.zip.
"""

import errno
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from coordconv_lab.errors import DamagedError
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import Signature, read_file
from coordconv_lab.results.packed.archive import ARCHIVE, member_names, read_member
from coordconv_lab.results.packed.curves import CURVES, read_table
from coordconv_lab.results.packed.lines import RECORDS, PackedRun, numbered, parse

CURVE = "metrics.csv"

MAX_BYTES = 100_000_000
"""Maximum size of records.jsonl; many git hosts have the same limit for files."""


class Pack:
    """The packed runs in a directory of runs. Each line is parsed once, on first use.

    Args:
        root: The directory of the runs, which is the directory of a study.
        content: The content of records.jsonl.

    Attributes:
        faults: Messages about lines that do not name a run, or that repeat a run.
        kept: A cache of values that other functions computed from the runs, by name.
    """

    def __init__(self, root: Path, content: bytes) -> None:
        self.root = root
        self.faults: list[str] = []
        self.kept: dict[str, Any] = {}
        self._lines: dict[str, tuple[int, bytes]] = {}
        self._runs: dict[str, PackedRun] = {}
        for number, name, line in numbered(content):
            place = f"{root / RECORDS}, line {number}"
            if name is None:
                self.faults.append(f"{place} does not begin with the name of a run; restore it")
            elif name in self._lines:
                self.faults.append(
                    f"{place} repeats the run {name} of line {self._lines[name][0]}; delete one"
                )
            else:
                self._lines[name] = number, line

    def __contains__(self, name: str) -> bool:
        return name in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._lines))

    def place(self, name: str) -> str:
        """Return the file, the line number and the name of a run, for messages."""
        return f"{self.root / RECORDS}, line {self._lines[name][0]} ({name})"

    def line(self, name: str) -> bytes:
        """Return the unparsed line of a run, which may be damaged."""
        return self._lines[name][1]

    def run(self, name: str) -> PackedRun:
        """Return the parsed line of a run.

        Raises:
            DamagedError: The line is damaged.
        """
        if name not in self._runs:
            self._runs[name] = parse(self.line(name), self.place(name))
        return self._runs[name]

    def has(self, name: str, file: str) -> bool:
        """Whether a run has a file. If its line is damaged, a run only has a (damaged) record.

        Args:
            name: Name of the run.
            file: Path of the file within the directory of the run.
        """
        if name not in self:
            return False
        try:
            return file in self.run(name).sums
        except DamagedError:
            return file == "record.json"

    def content(self, name: str, file: str, most: int) -> bytes:
        """Return the content of a file, after comparing it with its sha256.

        Args:
            name: Name of the run.
            file: Path of the file within the directory of the run.
            most: Maximum number of bytes.

        Raises:
            FileNotFoundError: There is no such run, or it has no such file.
            OSError: The file is too large, or cannot be read.
            DamagedError: The file is damaged. For a JSON file, the message names the line. For any
                other file, it names the file in the archive or table, without its directory.
        """
        if not self.has(name, file):
            raise FileNotFoundError(errno.ENOENT, "there is no such packed file", file)
        content, place = self._found(self.run(name), file, most)
        if len(content) > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", file)
        if sha256(content) != self.run(name).sums[file]:
            raise DamagedError(f"{place} is damaged: it does not match its sha256; restore it")
        return content

    def _found(self, run: PackedRun, file: str, most: int) -> tuple[bytes, str]:
        document = run.document(file)
        if document is not None:
            return document, f"{self.place(run.name)}: {file}"
        if file == CURVE:
            study = Path(os.path.realpath(self.root))
            curve = read_table(study.parent / CURVES).file(study.name, run.name)
            if sha256(curve) == run.sums[file] or not self._is_member(run.name, file):
                return curve, f"{file} in {CURVES}"
        try:
            content = read_member(self.root / ARCHIVE, f"{run.name}/{file}", most)
        except FileNotFoundError as error:
            raise DamagedError(f"{file} is missing in {ARCHIVE}; restore the archive") from error
        return content, f"{file} in {ARCHIVE}"

    def _is_member(self, name: str, file: str) -> bool:
        return f"{name}/{file}" in member_names(self.root / ARCHIVE)


def pack_of(root: Path) -> Pack | None:
    """Return the packed runs in a directory of runs, or None if there are none.

    The file is read again only if it has changed.

    Raises:
        DamagedError: The file cannot be read.
    """
    path = root / RECORDS
    try:
        return _read(root, Signature.of(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {error.strerror or error}") from error


@lru_cache(maxsize=128)
def _read(root: Path, _: Signature) -> Pack:
    return Pack(root, read_file(root / RECORDS, MAX_BYTES))
