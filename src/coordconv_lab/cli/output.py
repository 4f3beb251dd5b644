"""Where a command prints to: that may be a pager that was closed, a full disk, an odd terminal."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import IO, Any, cast

_WIDEST = 1000


class Output:
    """A stream whose faults end nothing: what cannot be printed is dropped, and the work goes on.

    Attributes:
        error: What was wrong with the stream first, or None.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Print a text, or drop it."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        """Print what was kept back, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        self.error = self.error or error
        with suppress(OSError):  # else Python tries again at its end, and complains
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def printing() -> Iterator[Output]:
    """Print to standard output, whatever it is, as well as that can be done."""
    for name in ("COLUMNS", "LINES"):  # of nothing, or of more than there is memory for
        size = os.environ.get(name, "1")
        if not (size.isdecimal() and len(size) < 9 and 1 <= int(size) <= _WIDEST):
            del os.environ[name]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names have letters that it may not have
            stream.reconfigure(errors="backslashreplace")
    output = Output(sys.stdout or io.StringIO())  # none where it was closed
    with redirect_stdout(cast(IO[str], output)):
        try:
            yield output
        finally:
            output.flush()
