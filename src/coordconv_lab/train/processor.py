"""Settings of the process for training on a CPU.

Profiling showed that, without the settings of `prepare_processor`, training spends more time on
denormal numbers and memory allocation than on useful arithmetic; see docs/training-speed.md.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Parameters of glibc's mallopt (malloc.h) with their values. The first pair never returns free
# memory at the end of the heap to the system. The second maps no block outside of the heap.
_TRIM_THRESHOLD, _NEVER = -1, -1
_MAX_MAPPED, _NONE = -4, 0

# With this argument, OpenMP 5.0 ends its worker threads, and starts new ones when needed.
_PAUSE_HARD = 2


def prepare_processor() -> None:
    """Flush denormal numbers to zero, and keep freed memory for the next step.

    Denormal numbers have a magnitude below 1e-38. Once a network is confident, the gradients of
    almost all pixels are denormal. Intel processors are many times slower with such numbers, so
    steps become slower as the network becomes better. Flushing these numbers to zero does not
    change any weight: Adam divides a gradient by its typical magnitude plus 1e-8, so a gradient of
    1e-38 changes a weight by less than 1e-30.

    By default, glibc returns large freed blocks of memory to the system. The system then has to
    allocate and clear the same pages for every activation of every step.

    The two settings apply to the rest of the process. Settings that are not supported are skipped.
    """
    flush_denormals()
    keep_freed_memory()


def flush_denormals() -> None:
    """Flush numbers with a magnitude below 1e-38 to zero, in all threads of torch."""
    if torch.set_flush_denormal(True):
        # A thread inherits this mode when it starts, so make OpenMP restart its threads.
        _call("omp_pause_resource_all", _PAUSE_HARD)


def keep_freed_memory() -> None:
    """Make glibc keep freed memory of any size, instead of returning it to the system."""
    if sys.platform == "linux":
        _call("mallopt", _MAX_MAPPED, _NONE)
        _call("mallopt", _TRIM_THRESHOLD, _NEVER)


@contextmanager
def threads_of_torch(count: int) -> Iterator[None]:
    """Set the number of threads of torch inside of the block.

    The bits of a trained network depend on this number, because sums are split among the threads.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _call(function: str, *numbers: int) -> None:
    """Call a C function of this process, if it exists."""
    try:
        getattr(ctypes.CDLL(None), function)(*numbers)
    except (AttributeError, OSError):
        return
