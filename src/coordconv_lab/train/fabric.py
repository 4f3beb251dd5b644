"""The parts of Lightning Fabric that are used here, imported whatever the environment holds.

Lightning reads the rank of this process from the variables of launchers, which may be left over
from another program. To learn the version of torchmetrics, which Fabric does not use here, it would
import it, and with it transformers, SciPy's signal processing and matplotlib where they are
installed: most of the time that a run takes to start.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from coordconv_lab.environment import variables

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


@contextmanager
def _as_if_not_installed(name: str) -> Iterator[None]:
    """Let an import of a module fail for a while, unless it was imported before."""
    hidden = name not in sys.modules
    if hidden:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[name]


with variables(dict.fromkeys(RANKS)), _as_if_not_installed("torchmetrics"):
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.plugins.environments.lsf import LSFEnvironment
    from lightning_fabric.plugins.environments.mpi import MPIEnvironment
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

__all__ = [
    "ClusterEnvironment",
    "Fabric",
    "LSFEnvironment",
    "LightningEnvironment",
    "MPIEnvironment",
    "SLURMEnvironment",
    "TorchElasticEnvironment",
]
