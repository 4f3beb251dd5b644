"""Locks between processes, also on a file system that does not have any."""

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
"""How long at least to wait for a marker, so that one left by a dead process can be taken over."""


@contextmanager
def locked(path: Path, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Hold a lock, unless another process does; tell whether it is held here.

    A process that dies releases its locks. On a file system without locks, as some network drives
    are, a file beside `path` marks it as held. If its process dies, a process of the same machine
    takes it over; from another machine it has to be deleted by hand, as `how_to_free` says.

    Args:
        path: The lock file, in a directory that exists.
        wait_seconds: How long to wait for another process to release it.

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
    """The file that marks a lock as held where the file system does not have locks."""
    return path.with_name(f"{path.name}.marker")


def how_to_free(path: Path) -> str:
    """Return a hint for messages about a held lock, whose marker can outlive its process."""
    marker = marker_of(path)
    return f"; if that process is dead, delete {marker}" if marker.exists() else ""


def _has_locks(directory: Path) -> bool:
    """Try a file that no other process knows, so that any error means that there are no locks."""
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
        "instead, and have to be deleted by hand if a machine fails",
        file=sys.stderr,
    )
