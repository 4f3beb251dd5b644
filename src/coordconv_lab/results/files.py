"""Write files atomically, and read files of limited size.

A file is first written under a temporary name, then flushed to the disk, then renamed.
"""

import errno
import glob
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.results.digest import without_digest

try:
    import fcntl
except ImportError:  # Windows, where a lock is not needed: open files cannot be deleted
    fcntl = None

UNFINISHED = ".unfinished"
"""Suffix of the temporary file during a write."""

MOST_BYTES = 32_000_000
"""Maximum size of a JSON or text file in a directory of runs.

The largest of these files are the settings that long searches proposed.
"""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for atomic writing: readers never see a partial file, even after a crash.

    A new file gets the default permissions of the umask. A file that is replaced keeps its
    permissions.

    Temporary files of killed processes are deleted. If ``path`` is a link, the link is replaced and
    its target is not changed, so that a link in another user's directory of runs cannot redirect
    the write.

    Raises:
        InputError: The directory cannot be written, the disk is full, or the path exists and is
            not a regular file.
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
                with suppress(OSError):  # a drive without permissions
                    temporary.chmod(permissions)
            temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; choose another directory, or make "
            "this one writable"
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):  # report the original error instead
                temporary.unlink(missing_ok=True)


def _permissions(path: Path) -> int | None:
    """Return the permissions of a file, or None if it does not exist or is a link.

    Raises:
        InputError: The path is a device, a pipe, a socket or a directory.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        return None
    if not stat.S_ISREG(mode):
        raise _not_regular_file(path)
    return mode & 0o777


def without_links(path: Path) -> Path:
    """Resolve the links of an output path that the user gave, so that a write keeps these links.

    Raises:
        InputError: The path exists and is neither a regular file nor a directory.
    """
    with suppress(OSError):
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise _not_regular_file(path)
    return Path(os.path.realpath(path))


def _not_regular_file(path: Path) -> InputError:
    return InputError(
        f"cannot write {path}: it exists and is not a regular file; choose another name"
    )


@contextmanager
def _new_file_beside(path: Path, permissions: int | None) -> Iterator[Path]:
    """Create an empty temporary file, locked during the block to show that its writer is alive."""
    # Let the kernel apply the umask: reading the umask would change it for all threads.
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
                with suppress(OSError):  # some network drives have no locks
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            if temporary.exists():  # otherwise, another process deleted it before the lock
                break
        yield temporary


def remove_leftovers(path: Path) -> None:
    """Delete temporary files of a path, except those that a running process is writing."""
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
    """Try to delete a file that is no longer needed, and temporary files of earlier writes.

    Nothing happens if the directory is not writable. Nothing happens either if the directory is a
    link, because its target may contain files that do not belong to a run.
    """
    if not path.parent.is_symlink():
        remove_leftovers(path)
        with suppress(OSError):
            path.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically: readers never see a partial file, even after a crash.

    Raises:
        InputError: The directory cannot be written, or the disk is full.
    """
    with whole_file(path) as file:
        file.write(content)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically, indented, with a final newline."""
    write_atomically(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """Return the content of an indented JSON file with a final newline."""
    return (json.dumps(content, indent=2) + "\n").encode()


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a regular file of limited size. Pipes and devices are rejected: they may never end.

    Args:
        path: The file, or a link to one.
        most: Maximum number of bytes.

    Raises:
        OSError: The file cannot be read, is not a regular file, or is too large.
    """
    with open_file(path, most) as file:
        return file.read()


def open_file(path: Path, most: int) -> IO[bytes]:
    """Open a regular file of limited size for reading, as `read_file` does."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    if status.st_size > most:
        said = f"it has {status.st_size:,} bytes; at most {most:,} are allowed"
        raise OSError(errno.EFBIG, said, str(path))
    return path.open("rb")


class Signature(NamedTuple):
    """The inode, size and time of a file, to detect whether a file in the cache was replaced."""

    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the signature of a file.

        Raises:
            OSError: The file cannot be found.
        """
        status = path.stat()
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """Read text in UTF-8, with or without a byte-order mark.

    Args:
        path: The file, or a link to one.
        most: Maximum number of bytes.

    Raises:
        OSError: As in `read_file`.
        UnicodeError: The text is not in UTF-8.
    """
    return as_text(read_file(path, most))


def as_text(content: bytes) -> str:
    """Decode the content of a text file, as `read_text` does."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeError as error:
        raise UnicodeError("its encoding is not UTF-8; save it as UTF-8") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. If it has a digest, check and remove the digest.

    Raises:
        DamagedError: The file cannot be read, is truncated, is not a JSON object, or does not match
            its digest.
    """
    try:
        return parse_json(read_file(path), str(path))
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {error.strerror or error}") from error


def parse_json(content: bytes, source: str) -> dict[str, Any]:
    """Parse the content of a JSON file, as `read_json` does.

    Args:
        content: The content of the file.
        source: Name of the file, for error messages.

    Raises:
        DamagedError: As in `read_json`.
    """
    try:
        fields = json.loads(content)
        # JSON allows lone surrogates, which cannot be encoded.
        json.dumps(fields, ensure_ascii=False).encode()
        if isinstance(fields, dict):
            return without_digest(fields, source)
    except DamagedError:
        raise
    except (ValueError, RecursionError) as error:
        raise DamagedError(
            f"{source} is not a complete JSON file ({error}); delete its directory or move it "
            "elsewhere, then run the command again"
        ) from error
    raise DamagedError(f"{source}: expected a JSON object, got {type(fields).__name__}")
