"""Files that are either whole or not there: written under another name, flushed, then renamed."""

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from coordconv_lab.errors import InputError

MOST_BYTES = 32_000_000
"""Of a file about runs, which holds some thousands; the proposals of a long search come nearest."""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing so that a reader, or a crash, never meets half of it.

    Raises:
        InputError: The directory cannot be written, or the disk is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; choose another directory, or make "
            "this one writable"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, never meets half of it.

    Raises:
        InputError: The directory cannot be written, or the disk is full.
    """
    with whole_file(path) as file:
        file.write(content)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically, indented, with a final newline."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file, but no pipe or device, which may never end, and none that fills the memory.

    Args:
        path: The file, or a link to one.
        most: How many bytes it may have.

    Raises:
        OSError: It cannot be read, is no file, or is larger.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file", str(path))
    if status.st_size > most:
        said = f"it has {status.st_size:,} bytes, more than {most:,}"
        raise OSError(errno.EFBIG, said, str(path))
    return path.read_bytes()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: The file cannot be read, is cut short, or holds something else.
    """
    try:
        content = json.loads(read_file(path))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not a whole JSON file ({error}); move its directory away, or delete it, "
            "and run again"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content
