"""Write files atomically."""

import glob
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["replaced_when_done"]

_UNFINISHED = ".unfinished"


@contextmanager
def replaced_when_done(path: Path) -> Generator[Path]:
    """Yield a temporary path to write to, and move the file to ``path`` if nothing failed.

    Other files in the directory of the temporary path, such as external weights, are moved first. A
    new file gets the default permissions (umask). A file that replaces another one gets the
    permissions of the replaced file. Temporary files of killed processes are deleted. If ``path``
    is a symbolic link, its target is replaced.

    Raises:
        ValueError: If ``path`` is a device, a pipe, a socket or a directory.
    """
    if path.exists() and not path.is_file():
        raise ValueError(
            f"cannot write {path}: it exists and is not a regular file; choose another name"
        )
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    start = f".{path.name}."
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=start, suffix=_UNFINISHED) as name,
        ExitStack() as held,
    ):
        directory = Path(name)
        with suppress(OSError):  # Without locks, as on some network drives, nothing is deleted.
            _hold(directory, held)
        yield directory / path.name
        for written in sorted(directory.iterdir(), key=lambda each: each.name == path.name):
            place = path.parent / written.name
            _flush(written)
            _take_permissions(written, place)
            written.replace(place)


def _remove_leftovers(path: Path) -> None:
    """Delete the directories of killed processes, which no longer hold their locks."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.????????{_UNFINISHED}"):
        with suppress(OSError), ExitStack() as held:
            _hold(leftover, held)
            shutil.rmtree(leftover)


def _hold(directory: Path, held: ExitStack) -> None:
    """Lock a directory until the stack is closed.

    Raises:
        OSError: If another process holds the lock.
    """
    if fcntl is not None:
        descriptor = os.open(directory, os.O_RDONLY)
        held.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _take_permissions(file: Path, place: Path) -> None:
    """Give a file the permissions of the existing file at ``place``, if there is one."""
    if place.is_file() and not place.is_symlink():
        with suppress(OSError):  # Some drives have no permissions.
            file.chmod(place.stat().st_mode & 0o777)


def _flush(file: Path) -> None:
    with file.open("rb+") as written:
        os.fsync(written.fileno())
