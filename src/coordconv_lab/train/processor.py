"""Two settings of the processor that cost a training run more time than its arithmetic.

Both were found by profiling and belong to the process, not to a net: docs/training-speed.md.
"""

import ctypes
import sys

import torch

# Parameters of glibc's mallopt, from its malloc.h: when memory at the end of the heap goes back to
# the system (-1: never), and how many blocks may be mapped apart from the heap.
_TRIM_THRESHOLD, _NEVER = -1, -1
_MOST_MAPPED, _NONE = -4, 0

# The hard kind of pause, from OpenMP 5.0: the worker threads end, and new ones start when needed.
_PAUSE_HARD = 2


def prepare_processor() -> None:
    """Flush denormal numbers to zero, and keep freed memory for the next step.

    Denormals: once a net is sure, the gradients of almost all pixels lie below 1e-38. Intel's
    processors compute with such numbers many times slower, so that a step takes the longer the
    better the net is. As zeros they change no weight: Adam divides a gradient by its
    usual size plus 1e-8, so that one of 1e-38 moves a weight by less than 1e-30.

    Memory: glibc gives large freed blocks back to the system, which then has to hand out, and
    clear, the same pages for every activation of every step.

    Both hold for the rest of the process. Where a system has neither, nothing happens.
    """
    flush_denormals()
    keep_freed_memory()


def flush_denormals() -> None:
    """Take numbers below 1e-38 for zero, in all threads that torch computes with."""
    if torch.set_flush_denormal(True):
        # A thread inherits the mode of the one that starts it: OpenMP is to start its own anew.
        _call("omp_pause_resource_all", _PAUSE_HARD)


def keep_freed_memory() -> None:
    """Let glibc keep what is freed, of any size, for the process itself."""
    if sys.platform == "linux":
        _call("mallopt", _MOST_MAPPED, _NONE)
        _call("mallopt", _TRIM_THRESHOLD, _NEVER)


def _call(function: str, *numbers: int) -> None:
    """Call a C function of this process, if it has one of that name."""
    try:
        getattr(ctypes.CDLL(None), function)(*numbers)
    except (AttributeError, OSError):
        return
