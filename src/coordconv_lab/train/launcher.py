"""Detect the launcher that started the processes of a run.

The environment variables of a launcher do not prove that it started this process. Every process in
a SLURM job has the variables of SLURM, and a program that was started by torchrun or MPI passes
their variables on to its subprocesses.
"""

import os

from coordconv_lab.errors import InputError
from coordconv_lab.train.fabric import (
    ClusterEnvironment,
    LightningEnvironment,
    LSFEnvironment,
    MPIEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

_SPECIAL_STEPS = 0xFFFFFFF0
"""SLURM uses step ids from this value on for batch scripts and interactive shells."""


class OwnProcesses(LightningEnvironment):
    """Processes that are started by the first process of each machine.

    Args:
        devices: Processes per machine.
        nodes: Number of machines.
    """

    def __init__(self, devices: int, nodes: int) -> None:
        super().__init__()
        self._count, self._nodes = devices * nodes, nodes

    @property
    def creates_processes_externally(self) -> bool:
        """Whether another process started this one and set its rank in environment variables."""
        return self._count > 1 and (
            "LOCAL_RANK" in os.environ and os.environ.get("WORLD_SIZE") == str(self._count)
        )

    def local_rank(self) -> int:
        """Return the index of this process on its machine."""
        return super().local_rank() if self.creates_processes_externally else 0

    def node_rank(self) -> int:
        """Return the index of this machine."""
        return super().node_rank() if self._nodes > 1 else 0

    @property
    def main_address(self) -> str:
        """The address of the machine with the first process."""
        return super().main_address if self._is_given else "127.0.0.1"

    @property
    def main_port(self) -> int:
        """The port of the first process on its machine: as given, otherwise a free port."""
        if not self._is_given:
            os.environ.pop("MASTER_PORT", None)
        return super().main_port

    @property
    def _is_given(self) -> bool:
        return self._nodes > 1 or self.creates_processes_externally


def launcher(devices: int, nodes: int) -> ClusterEnvironment:
    """Return the environment of the launcher that started the processes of a run.

    Args:
        devices: Processes per machine.
        nodes: Number of machines.

    Raises:
        InputError: A launcher started a different number of processes, or there are several
            machines but no launcher.
    """
    count = devices * nodes
    if count > 1:
        if TorchElasticEnvironment.detect():
            _check_count("torchrun", os.environ.get("WORLD_SIZE", ""), devices, nodes)
            return TorchElasticEnvironment()
        if tasks := _tasks_of_srun():
            _check_count("srun", tasks, devices, nodes)
            return SLURMEnvironment()
        for other in (LSFEnvironment, MPIEnvironment):
            if other.detect():
                return other()
    if nodes > 1 and not {"NODE_RANK", "GROUP_RANK"} & os.environ.keys():
        raise InputError(
            f"--num-nodes {nodes}: several machines need a launcher; start this command on each "
            "machine with torchrun, or with srun under SLURM"
        )
    return OwnProcesses(devices, nodes)


def _tasks_of_srun() -> str | None:
    """Return the number of tasks of srun, or None in a batch script or a shell."""
    step = os.environ.get("SLURM_STEP_ID", os.environ.get("SLURM_STEPID", ""))
    by_srun = step.isdecimal() and int(step) < _SPECIAL_STEPS
    if not by_srun or os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive"):
        return None
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", os.environ.get("SLURM_NTASKS", "1"))
    return None if tasks == "1" else tasks


def _check_count(name: str, started: str, devices: int, nodes: int) -> None:
    if started != str(devices * nodes):
        raise InputError(
            f"--devices {devices} --num-nodes {nodes}: expected {devices * nodes} processes, but "
            f"{name} started {started}; make the numbers equal, or run the command without {name}"
        )


def is_first(environment: ClusterEnvironment, devices: int) -> bool:
    """Whether this process is the first of all processes. They need not be connected yet."""
    if isinstance(environment, OwnProcesses):
        return environment.node_rank() * devices + environment.local_rank() == 0
    return environment.global_rank() == 0
