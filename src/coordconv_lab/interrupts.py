"""Ctrl-C, which must not interrupt imports: some C extensions ignore it or are left half-loaded."""

import signal
import threading
import time
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = "interrupted; run the same command again to continue"
"""The message of a command after Ctrl-C."""

_RETRY_SECONDS = 0.05

_MOST_SECONDS = 20.0
"""How long Ctrl-C is delayed. A module may never finish its import."""


@contextmanager
def interrupts_after_imports() -> Iterator[None]:
    """Delay Ctrl-C until the imports in progress are finished, then raise `KeyboardInterrupt`.

    Nothing changes outside of the main thread, or if the process ignores Ctrl-C, as a job in the
    background does, or has its own handler.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    first: float | None = None
    retry = threading.Timer(0, interrupt_main)

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first, retry
        now = time.monotonic()
        first = now if first is None else first
        retry.cancel()
        if _is_importing(frame) and now - first < _MOST_SECONDS:
            retry = threading.Timer(_RETRY_SECONDS, interrupt_main)
            retry.daemon = True
            retry.start()
        else:
            first = None
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        retry.cancel()


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        code = frame.f_code
        if code.co_name == "_find_and_load" and code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
