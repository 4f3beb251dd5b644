"""Functions that all benchmarks use to measure time and memory, and to describe the machine."""

import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import coordconv
from coordconv_lab.train.provenance import processor_name

FOLDER = Path(__file__).parent


def machine() -> dict:
    """Describe the machine and the versions of packages."""
    return {
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "coordconv": coordconv.__version__,
    }


def write_json(path: Path, content: dict) -> None:
    """Write a file atomically, so that readers never see a partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)


def one_turn(call: Callable[[], object], seconds: float) -> float:
    """Return the median time of a call, after a warm-up call."""
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def in_turns(
    calls: dict[str, Callable[[], object]], turns: int, clock: Callable[[Callable], float]
) -> dict[str, list[float]]:
    """Measure all variants one after another, in each turn starting with another one.

    Args:
        calls: The call of each variant.
        turns: Number of turns.
        clock: Returns the time of a call.

    Returns:
        The times of each variant, one per turn.
    """
    names = list(calls)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(turns):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(clock(calls[name]))
    return times


def peak_bytes(call: Callable[[], object]) -> int:
    """Return the peak memory that torch allocates during a call, beyond that before the call."""
    call()
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        call()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    held = peak = 0
    for event in sorted(
        (e for e in events if e.get("name") == "[memory]"), key=lambda e: float(e["ts"])
    ):
        held += event["args"]["Bytes"]
        peak = max(peak, held)
    return peak
