"""Locks between processes, also on file systems without locks."""

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
except ImportError:  # Windows, whose locks do not depend on the file system
    fcntl = None

_TAKEOVER_SECONDS = 0.5
"""Minimum wait for a marker, so that the marker of a dead process can be taken over."""


@contextmanager
def locked(path: Path, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Acquire a lock, unless another process holds it; yield whether it was acquired.

    The lock is released if the process dies. On a file system without locks, such as some network
    drives, a marker file beside `path` is used. If the process that created the marker dies,
    another process on the same machine takes the marker over. A marker from another machine has to
    be deleted by hand; see `how_to_free`.

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
    """Return the marker file of a lock for file systems without locks."""
    return path.with_name(f"{path.name}.marker")


def how_to_free(path: Path) -> str:
    """Return a hint for messages about a held lock; a marker can outlive its process."""
    marker = marker_of(path)
    return f"; if that process is dead, delete {marker}" if marker.exists() else ""


def _has_locks(directory: Path) -> bool:
    """Try to lock a temporary file; an error means that the file system has no locks."""
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
