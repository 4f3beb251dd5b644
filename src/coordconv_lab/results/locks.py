"""Locks between processes, also on file systems that do not support locks."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from coordconv_lab.errors import InputError

try:
    import fcntl
except ImportError:  # Windows, where locks do not depend on the file system
    fcntl = None

_TAKEOVER_SECONDS = 0.5
"""Minimum wait for a marker file, so that the marker of a dead process can be taken over."""


@contextmanager
def locked(path: Path, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Acquire a lock, unless another process holds it, and yield whether it was acquired.

    The lock is released if the process dies. Some file systems, such as some network drives, do not
    support locks. On these, a marker file beside `path` is used. If the process that created the
    marker dies, another process on the same machine can take the marker over. A marker from another
    machine has to be deleted by hand; see `how_to_free`.

    Args:
        path: The lock file, in a directory that exists.
        wait_seconds: How long to wait for another process to release the lock.

    Raises:
        InputError: The directory cannot be written.
    """
    try:
        if _has_locks(path.parent):
            lock = FileLock(path)
        else:
            _tell_once()
            lock = SoftFileLock(marker_of(path))
            wait_seconds = max(wait_seconds, _TAKEOVER_SECONDS)
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise InputError(f"cannot lock {path}: {error.strerror or error}") from error
    try:
        yield True
    finally:
        lock.release()


def marker_of(path: Path) -> Path:
    """Return the marker file that replaces a lock on file systems that do not support locks."""
    return path.with_name(f"{path.name}.marker")


def how_to_free(path: Path) -> str:
    """Return a hint for messages about a held lock, or "".

    The hint says which marker file to delete, because a marker can remain after its process died.
    """
    marker = marker_of(path)
    return f"; if that process is dead, delete {marker}" if marker.exists() else ""


def _has_locks(directory: Path) -> bool:
    """Whether the file system supports locks. To find out, try to lock a temporary file."""
    if fcntl is None:
        return True
    with tempfile.TemporaryFile(dir=directory) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


@cache
def _tell_once() -> None:
    print(
        "coordconv: the file system does not support file locks; files named *.marker are used "
        "instead, and must be deleted by hand if a machine fails",
        file=sys.stderr,
    )
