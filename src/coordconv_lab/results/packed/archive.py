"""Read and write files.zip, an uncompressed archive with the large files of a study's runs.

These are the weights, predictions and images.
"""

import errno
import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from coordconv_lab.errors import DamagedError
from coordconv_lab.results.files import open_file

ARCHIVE = "files.zip"

MAX_BYTES = 100_000_000
"""Maximum size of an archive; many git hosts have the same limit for files."""

_DATE = (1980, 1, 1, 0, 0, 0)


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """Return the bytes of an archive of files, or b"" if there are no files.

    The same files always give the same bytes. Members are therefore sorted and dated 1980. They are
    not compressed, because compressed bytes depend on the version of zlib, and git compresses its
    objects anyway.
    """
    if not files:
        return b""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def read_member(path: Path, name: str, most: int) -> bytes:
    """Read one file of an archive.

    Args:
        path: The archive.
        name: Name of the run and of the file, separated by a slash.
        most: Maximum number of bytes.

    Raises:
        FileNotFoundError: There is no such archive, or no such file in it.
        OSError: The file is too large, or the archive cannot be read.
        DamagedError: The archive, or this file in it, is damaged.
    """
    with _opened(path) as archive:
        return _read(archive, name, most)


def read_archive(path: Path) -> dict[str, bytes]:
    """Read all files of an archive. An archive that does not exist has no files.

    Raises:
        OSError: The archive cannot be read.
        DamagedError: The archive, or a file in it, is damaged.
    """
    if not path.exists():
        return {}
    with _opened(path) as archive:
        return {name: _read(archive, name, MAX_BYTES) for name in archive.namelist()}


def member_names(path: Path) -> list[str]:
    """Return the names of all files of an archive. An archive that does not exist has no files.

    Raises:
        OSError: The archive cannot be read.
        DamagedError: The archive is damaged.
    """
    if not path.exists():
        return []
    with _opened(path) as archive:
        return archive.namelist()


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with open_file(path, MAX_BYTES) as file:
        try:
            archive = zipfile.ZipFile(file)
        except Exception as error:  # zipfile raises many exception types for damaged files
            raise DamagedError(f"{path.name} is not a complete archive; restore it") from error
        yield archive


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        member = archive.getinfo(name)
    except KeyError as error:
        raise FileNotFoundError(
            errno.ENOENT, "there is no such file in the archive", name
        ) from error
    if member.file_size > most:
        said = f"it has {member.file_size:,} bytes; at most {most:,} are allowed"
        raise OSError(errno.EFBIG, said, name)
    try:
        return archive.read(member)
    except Exception as error:  # zipfile raises many exception types for damaged files
        raise DamagedError(f"{name} in {ARCHIVE} is damaged; restore the archive") from error


def run_of(member: str) -> str:
    """Return the name of the run that a file in an archive belongs to."""
    return member.split("/")[0]
