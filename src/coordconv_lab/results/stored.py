"""Read files of runs, whether the runs are directories or packed.

Packed runs are stored together in a few files per study. The path of a file is the same whether its
run is packed or not, such as ``results/tuned/NAME/record.json``.
"""

from pathlib import Path
from typing import Any

from coordconv_lab.errors import DamagedError
from coordconv_lab.results.files import MOST_BYTES, parse_json, read_file
from coordconv_lab.results.packed import Pack, pack_of


def read_stored(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file of a run.

    Args:
        path: The file in the directory of the run, packed or not.
        most: Maximum number of bytes.

    Raises:
        OSError: The file cannot be read, is not a regular file, or is too large.
        DamagedError: The file is packed and damaged.
    """
    try:
        return read_file(path, most)
    except (FileNotFoundError, NotADirectoryError):
        pack = packed_with(path)
        if pack is None:
            raise
        return pack.content(path.parent.name, path.name, most)


def read_stored_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a run, as `coordconv_lab.results.files.read_json` does.

    Raises:
        DamagedError: The file cannot be read or is damaged.
    """
    try:
        return parse_json(read_stored(path), str(path))
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {error.strerror or error}") from error


def is_stored(path: Path) -> bool:
    """Whether a file of a run exists in its directory or is packed.

    Raises:
        DamagedError: The directory cannot be read.
    """
    return is_there(path) or packed_with(path) is not None


def is_there(path: Path) -> bool:
    """Whether a file exists in the directory of its run, unpacked.

    Raises:
        DamagedError: The directory cannot be read.
    """
    try:
        return path.exists()
    except OSError as error:
        raise DamagedError(f"cannot read {path.parent}: {error.strerror or error}") from error


def packed_with(path: Path) -> Pack | None:
    """Return the packed runs that contain a file, or None if the file is not packed.

    Raises:
        DamagedError: The pack cannot be read.
    """
    run = path.parent
    pack = pack_of(run.parent)
    return pack if pack is not None and pack.has(run.name, path.name) else None
