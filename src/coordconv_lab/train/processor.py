"""Two settings of the process that make training on a CPU much faster.

With the defaults, training spends more time on denormal numbers and memory allocation than on
useful arithmetic. Profiling showed this; see docs/training-speed.md.
"""

import ctypes
import sys

import torch

# Parameters of glibc's mallopt (malloc.h): how much free memory at the end of the heap to keep (-1:
# all of it), and the maximum number of blocks that are mapped outside of the heap.
_TRIM_THRESHOLD, _NEVER = -1, -1
_MAX_MAPPED, _NONE = -4, 0

# The hard pause of OpenMP 5.0 ends worker threads; new threads start when they are needed.
_PAUSE_HARD = 2


def prepare_processor() -> None:
    """Flush denormal numbers to zero, and keep freed memory for the next step.

    Denormals: once a network is confident, the gradients of almost all pixels are below 1e-38.
    Intel processors compute with such numbers many times slower, so steps become slower as the
    network becomes better. Flushing these numbers to zero does not change any weight: Adam divides
    a gradient by its typical magnitude plus 1e-8, so a gradient of 1e-38 moves a weight by less
    than 1e-30.

    Memory: glibc returns large freed blocks to the system, which then has to allocate and clear
    the same pages for every activation of every step.

    Both settings apply to the rest of the process. They are skipped if not supported.
    """
    flush_denormals()
    keep_freed_memory()


def flush_denormals() -> None:
    """Flush numbers with a magnitude below 1e-38 to zero, in all threads of torch."""
    if torch.set_flush_denormal(True):
        # Threads inherit the mode when they start, so let OpenMP restart its threads.
        _call("omp_pause_resource_all", _PAUSE_HARD)


def keep_freed_memory() -> None:
    """Make glibc keep freed memory of any size, instead of returning it to the system."""
    if sys.platform == "linux":
        _call("mallopt", _MAX_MAPPED, _NONE)
        _call("mallopt", _TRIM_THRESHOLD, _NEVER)


def _call(function: str, *numbers: int) -> None:
    """Call a C function of this process, if it exists."""
    try:
        getattr(ctypes.CDLL(None), function)(*numbers)
    except (AttributeError, OSError):
        return
