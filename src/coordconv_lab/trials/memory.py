"""Measure the peak memory of a block of code, on a CUDA device or of the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

__all__ = ["PeakMemory", "peak_memory"]

_SELF = Path("/proc/self")


class PeakMemory:
    """The result of `peak_memory`, which is set at the end of the block.

    Attributes:
        bytes: Peak in bytes; None if it cannot be measured.
    """

    bytes: int | None = None


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Measure the peak memory of a block.

    If torch has memory allocated on a CUDA device, the result is the peak of this memory.
    Otherwise, on Linux, it is the peak resident memory of this process, including memory from
    before the block.

    Example:
        >>> with peak_memory() as peak:
        ...     _ = torch.ones(1000)
        >>> peak.bytes is None or peak.bytes > 0
        True
    """
    peak = PeakMemory()
    on_cuda = torch.cuda.is_available()
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    is_reset = _reset()
    yield peak
    peak.bytes = torch.cuda.max_memory_allocated() if on_cuda else None
    if not peak.bytes and is_reset:
        peak.bytes = _resident_peak()


def _reset() -> bool:
    """Reset the peak resident memory that the kernel records."""
    try:
        (_SELF / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resident_peak() -> int | None:
    try:
        lines = (_SELF / "status").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else None
