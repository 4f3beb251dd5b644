"""Files that are there whole or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replaced_when_done"]


@contextmanager
def replaced_when_done(path: Path) -> Iterator[Path]:
    """Give a path to write to, and put what was written in its place only if nothing failed.

    Whatever else lies beside the file then, such as weights too large for it, comes along.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as directory:
        unfinished = Path(directory, path.name)
        yield unfinished
        for written in unfinished.parent.iterdir():
            written.replace(path.parent / written.name)
