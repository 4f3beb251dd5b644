"""Read and write lines of records.jsonl, which has the JSON files of the packed runs of a study.

There is one line per run, sorted by the name of the run.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from coordconv_lab.errors import DamagedError
from coordconv_lab.results.files import json_bytes

RECORDS = "records.jsonl"

_SAFE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,199}"
_RUN = re.compile(_SAFE_NAME)
_FILE = re.compile(rf"{_SAFE_NAME}(/{_SAFE_NAME}){{0,3}}")
_START = re.compile(rf'{{"run":"({_SAFE_NAME})"'.encode())

Document = dict[str, Any] | str
"""A JSON object, or the text of a JSON file that this package would have formatted differently."""


class PackedRun(NamedTuple):
    """The parsed line of a run.

    Attributes:
        name: Name of the run's directory.
        sums: The sha256 of each file of the run, by the path within the directory.
        documents: The JSON files of the run, by name. spec.json is omitted if the record contains
            the same spec.
    """

    name: str
    sums: Mapping[str, str]
    documents: Mapping[str, Document]

    def document(self, name: str) -> bytes | None:
        """Return the content of a JSON file of the run; None if the line does not contain it."""
        if name in self.documents:
            return _content(self.documents[name])
        record = self.documents.get("record.json")
        if name == "spec.json" and name in self.sums and isinstance(record, dict):
            return json_bytes(record.get("spec"))
        return None

    def as_line(self) -> bytes:
        """Return the line, with the newline at its end."""
        fields = {"run": self.name, "sha256": dict(sorted(self.sums.items()))}
        fields |= dict(sorted(self.documents.items()))
        return (json.dumps(fields, separators=(",", ":")) + "\n").encode()


def is_safe_run(name: str) -> bool:
    """Whether a packed run or study can have this name."""
    return _RUN.fullmatch(name) is not None


def is_safe_file(name: str) -> bool:
    """Whether a file with this path within the directory of a run, with slashes, can be packed."""
    return _FILE.fullmatch(name) is not None


def as_document(content: bytes) -> Document | None:
    """Convert the content of a JSON file to a part of a line; None if that is not possible."""
    try:
        fields = json.loads(content)
        if isinstance(fields, dict) and json_bytes(fields) == content:
            return fields
    except (RecursionError, ValueError):
        pass
    try:
        return content.decode()
    except UnicodeError:
        return None


def without_spec(documents: Mapping[str, Document]) -> dict[str, Document]:
    """Omit spec.json if record.json contains the same spec."""
    record = documents.get("record.json")
    is_same = (
        "spec.json" in documents
        and isinstance(record, dict)
        and json_bytes(record.get("spec")) == _content(documents["spec.json"])
    )
    return {name: each for name, each in documents.items() if not (is_same and name == "spec.json")}


def numbered(content: bytes) -> Iterator[tuple[int, str | None, bytes]]:
    """Yield the number of each line, the name of its run or None, and the line."""
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        if line.strip():
            start = _START.match(line)
            yield number, start[1].decode() if start else None, line


def parse(line: bytes, place: str) -> PackedRun:
    """Parse a line.

    Args:
        line: The line.
        place: File, number and name, for error messages.

    Raises:
        DamagedError: The line does not describe a run.
    """
    try:
        fields = json.loads(line)
        name, sums = fields.pop("run"), fields.pop("sha256")
        is_valid = (
            is_safe_run(name)
            and isinstance(sums, dict)
            and all(is_safe_file(file) and isinstance(sums[file], str) for file in sums)
            and all(file in sums and isinstance(fields[file], dict | str) for file in fields)
        )
        if not is_valid:
            raise ValueError("a field has an unexpected value")
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{place} does not describe a run ({error}); restore it, or delete it and repeat the "
            "run"
        ) from error
    return PackedRun(name, sums, fields)


def _content(document: Document) -> bytes:
    return document.encode() if isinstance(document, str) else json_bytes(document)
