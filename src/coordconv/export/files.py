"""Files that are there whole or not at all."""

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["replaced_when_done"]

_UNFINISHED = ".unfinished"


@contextmanager
def replaced_when_done(path: Path) -> Iterator[Path]:
    """Give a path to write to, and put what was written in its place only if nothing failed.

    Whatever else lies beside the file then, such as weights too large for it, comes along, before
    it. A new file gets the permissions that the umask leaves, and a file that is replaced hands its
    own to the next one. What earlier writers of the file left behind when they were killed is
    deleted. A link stays: the file that it leads to is replaced.

    Raises:
        ValueError: If a device, a pipe, a socket or a directory is there.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"cannot write {path}: it is there and is no file; choose another name")
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    start = f".{path.name}."
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=start, suffix=_UNFINISHED) as name,
        ExitStack() as held,
    ):
        directory = Path(name)
        with suppress(OSError):  # some network drives cannot; nothing is deleted there
            _hold(directory, held)
        yield directory / path.name
        for written in sorted(directory.iterdir(), key=lambda each: each.name == path.name):
            place = path.parent / written.name
            _flush(written)
            _take_permissions(written, place)
            written.replace(place)


def _remove_leftovers(path: Path) -> None:
    """Delete the directories of writers that are dead; who dies lets go of what it held."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.????????{_UNFINISHED}"):
        with suppress(OSError), ExitStack() as held:
            _hold(leftover, held)
            shutil.rmtree(leftover)


def _hold(directory: Path, held: ExitStack) -> None:
    """Hold a directory for as long as the stack is open.

    Raises:
        OSError: Somebody else does.
    """
    if fcntl is not None:
        descriptor = os.open(directory, os.O_RDONLY)
        held.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _take_permissions(file: Path, place: Path) -> None:
    """Give a file the permissions of the one that it is about to replace, if there is one."""
    if place.is_file() and not place.is_symlink():
        with suppress(OSError):  # a drive without permissions
            file.chmod(place.stat().st_mode & 0o777)


def _flush(file: Path) -> None:
    with file.open("rb+") as written:
        os.fsync(written.fileno())
