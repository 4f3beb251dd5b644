"""Choose how many runs to train in parallel on this machine."""

import os
from collections.abc import Iterator
from math import inf
from pathlib import Path

import torch

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.train import Hardware

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def jobs_for(
    runs: int, jobs: int | None, hardware: Hardware | None = None, threads: int = 1
) -> int:
    """Return how many runs to train in parallel, at most the number of runs.

    Args:
        runs: Number of runs.
        jobs: The number that the user wants. None for one run per core that torch would use on a
            CPU, or for one run on a GPU.
        hardware: Hardware for the runs.
        threads: Threads per run.

    Raises:
        InputError: ``jobs`` is less than 1, or greater than 1 although several processes train each
            run.

    Example:
        >>> jobs_for(runs=12, jobs=4), jobs_for(runs=2, jobs=4)
        (4, 2)
    """
    hardware = hardware or Hardware()
    if jobs is None:
        alone = hardware.kind != "cpu" or hardware.processes > 1
        # OMP_NUM_THREADS and torch.set_num_threads() limit the number of threads.
        cores = min(torch.get_num_threads(), cores_here())
        jobs = 1 if alone else cores // threads
    elif jobs < 1:
        raise InputError(f"--jobs: expected 1 or more, got {in_short(jobs)}")
    elif jobs > 1 and hardware.processes > 1:
        raise InputError(
            f"--jobs: expected 1 if {hardware.processes} processes train each run, got {jobs}"
        )
    return max(1, min(jobs, runs))


def cores_here() -> int:
    """Return the number of cores that this process may use, within the quota of its cgroup."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return max(1, int(min(allowed, quota())))


def quota(groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> float:
    """Return how many cores the cgroups of this process may use; infinity if there is no limit.

    Args:
        groups: Directory of all control groups (cgroups) of Linux, of version 1 or 2.
        own: File that lists the cgroups of this process.
    """
    return min(_quotas(groups, own), default=inf)


def _quotas(groups: Path, own: Path) -> Iterator[float]:
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = groups / "cpu" if controllers else groups
        # Inside of a container, the cgroup of the process can be the root.
        for group in (root, *(root / part for part in _ancestors(path))):
            yield from _limit_of(group)


def _ancestors(path: str) -> list[str]:
    """Return a cgroup and the cgroups that contain it, without the root."""
    parts = [part for part in path.split("/") if part]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def _limit_of(group: Path) -> Iterator[float]:
    """Yield the number of cores that a cgroup may use, if it has a limit.

    The limit is stored as the processor time of all cores together in each period.
    """
    try:
        if (group / "cpu.max").exists():
            time, period = (group / "cpu.max").read_text().split()
        else:
            time, period = (
                (group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period")
            )
        if time != "max" and int(time) > 0:
            yield int(time) / int(period)
    except (OSError, ValueError):
        return
