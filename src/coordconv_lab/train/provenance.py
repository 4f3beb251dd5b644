"""Where, with what and from which source a run is made."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from coordconv_lab.results import Provenance
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.hardware import Hardware

_PACKAGES = ("torch", "lightning", "numpy", "torch-coordconv")


def provenance(
    spec: ExperimentSpec, hardware: Hardware, ensemble: int, processes: int
) -> Provenance:
    """Describe this process and this machine, for the record of one of `ensemble` nets."""
    return Provenance(
        versions={"python": platform.python_version(), **_versions()},
        machine=f"{platform.system()} {platform.machine()}",
        processor=processor_name(),
        device=device_name(hardware),
        compiled=hardware.compiled,
        ensemble=ensemble,
        processes=processes,
        threads=torch.get_num_threads(),
        precision=spec.training.precision,
        seed=spec.seed,
        commit=commit(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def device_name(hardware: Hardware) -> str:
    """Return "cpu", or the kind and the name of the device that computes in its place."""
    if hardware.kind == "cuda":
        return f"cuda: {torch.cuda.get_device_name()}"
    return hardware.kind


@cache
def processor_name() -> str:
    """Return the processor's own name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


@cache
def commit() -> str:
    """The commit of the source, marked where files differ from it; "unknown" outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, check=True)
        changes = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no", "--", "."],
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.decode().strip() + ("+changes" if changes.stdout.strip() else "")
