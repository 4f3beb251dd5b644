"""Connect to a Ray cluster, and check its machines before the first run."""

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from coordconv_lab.errors import InputError

try:
    import ray
    from ray.exceptions import TaskUnschedulableError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as _error:
    raise InputError(
        "--engine ray requires the extra: pip install 'torch-coordconv[sweep]'"
    ) from _error

from coordconv_lab.registry import plugin_versions
from coordconv_lab.sweep.cores import cores_here

CONNECT_SECONDS = 20
LOOK_SECONDS = 120

RETRIES = 3
"""Number of retries after a worker is lost."""


def runs_at_once(cpus_per_run: int, gpus_per_run: float) -> int:
    """Return how many parallel runs the resources of the connected cluster allow.

    Raises:
        InputError: The resources do not suffice for a single run.
    """
    there = ray.cluster_resources()
    slots = int(there.get("CPU", 0) // cpus_per_run)
    if gpus_per_run:
        slots = min(slots, int(there.get("GPU", 0) / gpus_per_run))
    if not slots:
        raise InputError(
            f"a run needs {cpus_per_run} cores and {gpus_per_run:g} GPUs, but the cluster has only "
            f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g}"
        )
    return slots


@contextmanager
def connected(address: str | None, place: str) -> Iterator[None]:
    """Connect to a Ray cluster or start Ray on this machine, and disconnect at the end.

    Args:
        address: HOST:PORT of the head of a cluster, or "auto" for the cluster of this machine. None
            for the value of the environment variable RAY_ADDRESS or, if it is not set, for this
            machine only.
        place: Directory or URL of the runs.

    Raises:
        InputError: No cluster responds in time, or one of its machines cannot execute runs.
    """
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address is None:
        _start_here()
    else:
        _join(address)
    try:
        if address is not None:
            _check_machines(place)
        yield
    finally:
        ray.shutdown()


_QUIET: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}


def _start_here() -> None:
    """Start Ray. Try again if the start times out, which can happen on a busy machine."""
    for last in (False, True):
        try:
            ray.init("local", num_cpus=cores_here(), include_dashboard=False, **_QUIET)
            return
        except Exception as error:  # Ray raises many exception types here
            said = " ".join(str(error).split())[:300]
            ray.shutdown()
            if last or "timed out" not in said:
                raise InputError(f"cannot start Ray on this machine: {said}") from error


def _join(address: str) -> None:
    if address != "auto":
        _check_address(address)
    try:
        ray.init(address, **_QUIET)
    except Exception as error:  # Ray raises many exception types here
        said = " ".join(str(error).split())[:300]
        raise InputError(
            f"cannot connect to the Ray cluster at {address}: {said}; start one with `ray start "
            "--head`, and set RAY_AUTH_MODE and RAY_AUTH_TOKEN to the values of the cluster"
        ) from error


def _check_address(address: str) -> None:
    """Check the address with a short timeout, because Ray itself would wait for minutes.

    Raises:
        InputError: Nothing responds, or the address is not a Ray cluster.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise InputError(f"--address: expected HOST:PORT, or auto; got {address!r}")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS / 2).close()
    except (OSError, OverflowError, ValueError) as error:
        raise InputError(
            f"no Ray cluster responds at {address} ({error}); start one there with `ray start "
            f"--head --port {port}`, or omit --address to use this machine"
        ) from error
    ask = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        answer = subprocess.run(ask, capture_output=True, timeout=CONNECT_SECONDS)
        healthy = answer.returncode == 0
    except subprocess.TimeoutExpired:
        healthy = False
    if not healthy:
        raise InputError(
            f"{address} accepts connections, but no Ray cluster responds there within "
            f"{CONNECT_SECONDS} seconds; use the address that `ray start --head` printed, and set "
            "RAY_AUTH_MODE and RAY_AUTH_TOKEN to the values of the cluster"
        )


def _check_machines(place: str) -> None:
    """Check that every machine has this release of the package and can access the runs.

    Raises:
        InputError: A machine has another release or cannot access the runs.
    """
    release, plugins = version("torch-coordconv"), plugin_versions()
    remote = "://" in place
    with _mark_in(None if remote else Path(place)) as mark:

        @ray.remote(num_cpus=0, max_retries=0)
        def look() -> tuple[str | None, bool, dict[str, str] | str]:
            from importlib.metadata import PackageNotFoundError, version
            from pathlib import Path

            try:
                found = version("torch-coordconv")
                __import__("coordconv_lab.train")
            except (PackageNotFoundError, ImportError):
                return None, True, {}
            from coordconv_lab.errors import InputError
            from coordconv_lab.registry import plugin_versions, use_plugins

            try:
                use_plugins(list(plugins))
                there: dict[str, str] | str = plugin_versions()
            except InputError as error:
                there = str(error)
            return found, mark is None or Path(mark).exists(), there

        nodes = [node for node in ray.nodes() if node["Alive"]]
        pinned = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes]
        asked = [look.options(scheduling_strategy=where).remote() for where in pinned]
        for node, answer in zip(nodes, asked, strict=True):
            name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            try:
                found, sees, there = ray.get(answer, timeout=LOOK_SECONDS)
            except TaskUnschedulableError:
                continue  # the machine has left the cluster in the meantime
            except Exception as error:  # every run would fail on this machine
                said = " ".join(str(error).split())[:300]
                raise InputError(
                    f"the machine {name} of the cluster failed a test task: {said}"
                ) from error
            if found != release:
                what = "does not have the package" if found is None else f"has release {found}"
                raise InputError(
                    f"the machine {name} {what}; install torch-coordconv[lab,sweep] {release} in "
                    "the environment of its `ray start`"
                )
            if there != plugins:
                what = there if isinstance(there, str) else f"it has {there or 'none'}"
                raise InputError(
                    f"the machine {name} does not have the plug-ins {plugins}: {what}; put the "
                    "same files in a directory that all machines share"
                )
            if not sees:
                raise InputError(
                    f"the machine {name} cannot access {place}; set --runs to a directory that all "
                    "machines share, or to a URL such as s3://bucket/path"
                )


@contextmanager
def _mark_in(directory: Path | None) -> Iterator[str | None]:
    """Create a temporary empty file in a directory, and yield its name."""
    if directory is None:
        yield None
        return
    mark = directory.resolve() / f".seen-{uuid.uuid4().hex}"
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise InputError(f"cannot write to {directory}: {error.strerror or error}") from error
    try:
        yield str(mark)
    finally:
        mark.unlink(missing_ok=True)
