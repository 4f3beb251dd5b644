"""Standard output that does not raise for closed pagers, full disks and unusual terminals."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import IO, Any, cast

_WIDEST = 1000


class Output:
    """A stream that drops text that cannot be printed, instead of raising an error.

    Attributes:
        error: The first error of the stream, or None.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Print text, or drop it."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        """Print buffered text, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        self.error = self.error or error
        with suppress(OSError):  # Without this, Python flushes at exit and reports an error.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def printing() -> Iterator[Output]:
    """Redirect standard output to an `Output`."""
    for name in ("COLUMNS", "LINES"):  # The variable may be 0, or a size that exceeds memory.
        size = os.environ.get(name, "1")
        if not (size.isdecimal() and len(size) < 9 and 1 <= int(size) <= _WIDEST):
            del os.environ[name]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # Paths may contain characters that the encoding of the output lacks.
            stream.reconfigure(errors="backslashreplace")
    output = Output(sys.stdout or io.StringIO())  # sys.stdout is None if it was closed.
    with redirect_stdout(cast(IO[str], output)):
        try:
            yield output
        finally:
            output.flush()
