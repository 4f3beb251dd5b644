"""Import Lightning Fabric independently of the environment.

On import, Lightning reads the rank of the process from environment variables of launchers such as
torchrun. These variables may be left over from another program. Lightning also imports
torchmetrics, only to read its version. This is slow, because torchmetrics imports transformers,
SciPy and matplotlib if they are installed. This module avoids both problems.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from coordconv_lab.environment import variables

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


@contextmanager
def _as_if_not_installed(name: str) -> Iterator[None]:
    """Make a module impossible to import inside the block, unless it is already imported."""
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
