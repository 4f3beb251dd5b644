"""Files that are either whole or not there: written under another name, flushed, then renamed."""

import codecs
import errno
import glob
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.results.digest import without_digest

try:
    import fcntl
except ImportError:  # Windows, where nobody can delete a file that somebody has open
    fcntl = None

UNFINISHED = ".unfinished"
"""How the name of a file ends that is being written."""

MOST_BYTES = 32_000_000
"""Of a file about runs, which holds some thousands; the proposals of a long search come nearest."""

_OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark is the start of it
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing so that a reader, or a crash, never meets half of it.

    A new file gets the permissions that the umask leaves, and a file that is replaced hands its own
    permissions to the next one.

    What earlier writers of it left behind when they were killed is deleted. A link in its place is
    replaced, and not followed: who made a directory of runs does not choose what is written over.

    Raises:
        InputError: The directory cannot be written, the disk is full, or something else than a file
            is in its place.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        permissions = _permissions(path)
        remove_leftovers(path)
        with _new_file_beside(path, permissions) as temporary:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if permissions is not None:
                with suppress(
                    OSError
                ):  # a drive without permissions; they are no wider than before
                    temporary.chmod(permissions)
            temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; choose another directory, or make "
            "this one writable"
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):  # the error that led here says more
                temporary.unlink(missing_ok=True)


def _permissions(path: Path) -> int | None:
    """The permissions of a file that is about to be replaced, or None if there is no file.

    Raises:
        InputError: A device, a pipe, a socket or a directory is there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        return None
    if not stat.S_ISREG(mode):
        raise _no_file(path)
    return mode & 0o777


def without_links(path: Path) -> Path:
    """Where a path that somebody named leads to; what is written there leaves its links in place.

    Raises:
        InputError: It leads to something else than a file or a directory.
    """
    with suppress(OSError):
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise _no_file(path)
    return Path(os.path.realpath(path))


def _no_file(path: Path) -> InputError:
    return InputError(f"cannot write {path}: it is there and is no file; choose another name")


@contextmanager
def _new_file_beside(path: Path, permissions: int | None) -> Iterator[Path]:
    """Make an empty file, and hold it to the end: its writer lives; who dies lets go of it."""
    # The kernel applies the umask, which no thread can read without changing it for all others.
    mode = 0o666 if permissions is None else permissions | stat.S_IRUSR | stat.S_IWUSR
    with ExitStack() as held:
        while True:
            temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}{UNFINISHED}"
            try:
                descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
            except FileExistsError:
                continue
            if fcntl is None:
                os.close(descriptor)
            else:
                held.callback(os.close, descriptor)
                with suppress(OSError):  # some network drives cannot; nothing is deleted there
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            if temporary.exists():  # else it was taken for a leftover before it was held
                break
        yield temporary


def remove_leftovers(path: Path) -> None:
    """Delete what writers of a file left when they were killed; what one is at stays."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.????????{UNFINISHED}"):
        with suppress(OSError):
            _delete_unless_held(leftover)


def _delete_unless_held(leftover: Path) -> None:
    if fcntl is None:
        leftover.unlink()
        return
    descriptor = os.open(leftover, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        leftover.unlink()
    finally:
        os.close(descriptor)


def remove_if_possible(path: Path) -> None:
    """Delete a file that is of no use any more, and what writers of it left; or leave it.

    It stays where nothing may be written, and where its directory is a link: behind it may lie
    files that are no run's.
    """
    if not path.parent.is_symlink():
        remove_leftovers(path)
        with suppress(OSError):
            path.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, never meets half of it.

    Raises:
        InputError: The directory cannot be written, or the disk is full.
    """
    with whole_file(path) as file:
        file.write(content)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically, indented, with a final newline."""
    write_atomically(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """The content of a JSON file, as all of ours are written."""
    return (json.dumps(content, indent=2) + "\n").encode()


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


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """Read text in UTF-8, with a byte-order mark or without.

    Args:
        path: The file, or a link to one.
        most: How many bytes it may have.

    Raises:
        OSError: As `read_file`.
        UnicodeError: The text has another encoding.
    """
    content = read_file(path, most)
    for mark, encoding in _OTHER_MARKS.items():
        if content.startswith(mark):
            raise UnicodeError(f"it is {encoding}; save it as UTF-8")
    return content.decode("utf-8-sig")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; a digest that is in it is checked, and left out.

    Raises:
        DamagedError: The file cannot be read, is cut short, holds something else, or is not what
            was written.
    """
    try:
        return parse_json(read_file(path), str(path))
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {error.strerror or error}") from error


def parse_json(content: bytes, source: str) -> dict[str, Any]:
    """Read the content of a JSON file, as `read_json` does.

    Args:
        content: What was read.
        source: Its name, for the message of an error.

    Raises:
        DamagedError: As `read_json`.
    """
    try:
        fields = json.loads(content)
        # Half of a pair of surrogates can be read, but stands on no page.
        json.dumps(fields, ensure_ascii=False).encode()
        if isinstance(fields, dict):
            return without_digest(fields, source)
    except DamagedError:
        raise
    except (ValueError, RecursionError) as error:
        raise DamagedError(
            f"{source} is not a whole JSON file ({error}); move its directory away, or delete it, "
            "and run again"
        ) from error
    raise DamagedError(f"{source}: expected a JSON object, got {type(fields).__name__}")
