"""The provenance of a run: machine, versions and commit."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from coordconv_lab.results import Provenance
from coordconv_lab.results.git import git
from coordconv_lab.results.plugin_versions import loaded_versions
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.hardware import Hardware
from coordconv_lab.train.setup import Setup

_PACKAGES = ("torch", "lightning-fabric", "numpy", "torch-coordconv")


def provenance(spec: ExperimentSpec, setup: Setup) -> Provenance:
    """Describe the process and machine that trained a run, for the record of the run."""
    return Provenance(
        versions={"python": platform.python_version(), **_versions()},
        machine=f"{platform.system()} {platform.machine()}",
        processor=processor_name(),
        device=device_name(setup.hardware),
        compiled=setup.hardware.compiled,
        ensemble=len(setup.specs),
        processes=setup.processes.count,
        plugins=loaded_versions(spec),
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
    """Return the type of the device, and for CUDA also its name."""
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
    """Return the commit of the source code, with "+changes" if there are uncommitted changes.

    Return "unknown" if the source code is not in a checkout.
    """
    source = Path(__file__)
    try:
        # The package may be installed inside of another checkout, which does not track this file.
        git(source.parent, "ls-files", "--error-unmatch", "--", source.name)
        head = git(source.parent, "rev-parse", "HEAD")
        changes = git(source.parent, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+changes" if changes else "")
