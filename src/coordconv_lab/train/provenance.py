"""Provenance of a run: machine, versions and commit."""

import os
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

_PACKAGES = ("torch", "lightning-fabric", "numpy", "torch-coordconv")


def provenance(
    spec: ExperimentSpec, hardware: Hardware, ensemble: int, processes: int
) -> Provenance:
    """Describe this process and machine, for the record of one of ``ensemble`` networks."""
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
    """Return the type of the device, with its name for CUDA."""
    if hardware.kind == "cuda":
        return f"cuda: {torch.cuda.get_device_name()}"
    return hardware.kind


@cache
def processor_name() -> str:
    """Return the model name of the processor if known, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


@cache
def commit() -> str:
    """Return the commit of the source, with "+changes" if modified; "unknown" if not a checkout."""
    source = Path(__file__)
    try:
        # The environment may be inside of another checkout that does not track this file.
        _git(source.parent, "ls-files", "--error-unmatch", "--", source.name)
        head = _git(source.parent, "rev-parse", "HEAD")
        changes = _git(source.parent, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+changes" if changes else "")


def _git(directory: Path, *arguments: str) -> str:
    """Run git in a directory, ignoring GIT_* variables, which are set in hooks.

    Raises:
        OSError: Git is not installed.
        subprocess.CalledProcessError: The command failed.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    return done.stdout.decode().strip()
