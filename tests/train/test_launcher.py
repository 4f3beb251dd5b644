"""Detection of launchers, which runs on one device ignore."""

import os
import subprocess
import sys

import pytest

from coordconv_lab.errors import InputError
from coordconv_lab.train import Hardware, run
from coordconv_lab.train.fabric import SLURMEnvironment, TorchElasticEnvironment
from coordconv_lab.train.launcher import OwnProcesses, is_first, launcher

SBATCH = {
    "SLURM_JOB_ID": "17", "SLURM_JOB_NAME": "job", "SLURM_NTASKS": "4", "SLURM_NPROCS": "4",
    "SLURM_NNODES": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NODELIST": "node[1-2]",
    "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0",
}  # fmt: skip
TASK = SBATCH | {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3",
                 "SLURM_LOCALID": "1", "SLURM_NODEID": "1"}  # fmt: skip
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none", "RANK": "3", "LOCAL_RANK": "3", "GROUP_RANK": "0",
    "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1",
}  # fmt: skip
FABRIC = {"LT_CLI_USED": "1", "LT_DEVICES": "4", "LT_NUM_NODES": "2", "LT_ACCELERATOR": "cuda",
          "LT_STRATEGY": "fsdp", "LT_PRECISION": "16-true"}  # fmt: skip
NONSENSE = {"RANK": "", "LOCAL_RANK": "high", "SLURM_PROCID": "x", "WORLD_SIZE": "many",
            "NODE_RANK": "?", "MASTER_PORT": "-", "SLURM_NTASKS": "2-4"}  # fmt: skip
MPI = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2", "PMI_SIZE": "4", "PMI_RANK": "2"}
LSF = {"LSB_JOBID": "1", "LSB_DJOB_RANKFILE": "/nowhere", "JSM_NAMESPACE_LOCAL_RANK": "2",
       "JSM_NAMESPACE_SIZE": "4", "JSM_NAMESPACE_RANK": "2"}  # fmt: skip
OTHERS = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "TPU_WORKER_ID": "3", "XRT_TPU_CONFIG": "x",
          "GROUP_RANK": "2", "NODE_RANK": "2", "NODE_COUNT": "4"}  # fmt: skip
JOBS = {
    "sbatch": SBATCH,
    "only the number of tasks": {"SLURM_NTASKS": "4"},
    "salloc": SBATCH | {"SLURM_JOB_NAME": "interactive"},
    "srun --pty bash": TASK | {"SLURM_JOB_NAME": "bash"},
    "srun": TASK,
    "torchrun": TORCHRUN,
    "fabric run": FABRIC,
    "nonsense": NONSENSE,
    "mpirun": MPI,
    "jsrun": LSF,
    "others": OTHERS,
    "all": OTHERS | LSF | MPI | TORCHRUN | TASK | FABRIC,
}


@pytest.fixture
def job(monkeypatch):
    """Return a function that sets the variables of a job, and unsets those of other launchers."""
    for name in {name for variables in JOBS.values() for name in variables} & os.environ.keys():
        monkeypatch.delenv(name)

    def set_all(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.mark.parametrize("name", JOBS)
def test_a_run_on_one_device_is_one_run_in_any_job(name, job):
    job(JOBS[name])
    before = dict(os.environ)
    assert Hardware("cpu").is_first_process
    processes = Hardware("cpu").launched()
    assert (processes.count, processes.is_first) == (1, True)
    assert {key: os.environ.get(key) for key in before} == before


def test_a_run_on_one_device_is_trained_and_recorded(job, tiny, store):
    job(JOBS["all"])
    assert run(tiny, store, hardware=Hardware("cpu")).provenance.processes == 1


@pytest.mark.parametrize("name", ["nonsense", "all"])
def test_the_package_is_imported_in_any_job(name):
    program = "import coordconv_lab.train.fabric, lightning_fabric.utilities.rank_zero as zero; "
    program += "sys.exit(zero.rank_zero_only.rank)"
    command = [sys.executable, "-c", f"import sys; {program}"]
    done = subprocess.run(command, env=os.environ | JOBS[name], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


HEAVY = {"torchmetrics", "transformers", "scipy.signal", "matplotlib.pyplot"}


@pytest.mark.parametrize("before", [None, "torchmetrics"])
def test_the_import_skips_unused_packages(before):
    """The skipped modules can be imported before or afterwards."""
    program = (
        f"import sys; before = {before!r} and type(sys)({before!r});"
        f"before and sys.modules.update({{{before!r}: before}});"
        f"import coordconv_lab.train.fabric; found = {HEAVY} & set(sys.modules);"
        f"assert found == ({{{before!r}}} if before else set()), found;"
        "assert sys.modules.get('torchmetrics', before) is before"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", ["sbatch", "salloc", "srun --pty bash", "mpirun", "nonsense", "others"]
)
def test_this_process_starts_the_others_on_one_machine(name, job):
    job(JOBS[name])
    made = launcher(2, 1)
    assert isinstance(made, OwnProcesses)
    assert not made.creates_processes_externally
    assert (made.local_rank(), made.node_rank(), made.main_address) == (0, 0, "127.0.0.1")
    assert made.main_port > 1023
    assert is_first(made, 2)


@pytest.mark.parametrize(("local", "first"), [("0", True), ("1", False)])
def test_a_started_process_knows_its_rank(local, first, job):
    job({"LOCAL_RANK": local, "NODE_RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "1234",
         "MASTER_ADDR": "127.0.0.1"})  # fmt: skip
    made = launcher(2, 1)
    assert made.creates_processes_externally
    assert (made.local_rank(), made.main_port) == (int(local), 1234)
    assert Hardware("cpu", devices=2).is_first_process is first


@pytest.mark.parametrize("place", [0, 3])
def test_processes_that_srun_started_train_together(place, job):
    job(TASK | {"SLURM_PROCID": str(place)})
    made = launcher(2, 2)
    assert isinstance(made, SLURMEnvironment)
    assert (made.world_size(), made.global_rank()) == (4, place)
    assert Hardware("cpu", devices=2, nodes=2).is_first_process is (place == 0)


def test_a_task_of_srun_by_itself_starts_its_processes(job):
    job(TASK | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "1", "SLURM_PROCID": "0"})
    assert isinstance(launcher(2, 1), OwnProcesses)


@pytest.mark.parametrize("step", [0xFFFFFFFA, 0xFFFFFFFB])
def test_shells_and_batch_scripts_are_not_tasks_of_srun(step, job):
    job(TASK | {"SLURM_STEP_ID": str(step), "SLURM_PROCID": "0"})
    assert isinstance(launcher(2, 1), OwnProcesses)


def test_processes_that_torchrun_started_train_together(job):
    job(TORCHRUN | SBATCH)
    assert isinstance(launcher(4, 1), TorchElasticEnvironment)
    assert not Hardware("cpu", devices=4).is_first_process


@pytest.mark.parametrize(("name", "tool"), [("srun", "srun"), ("torchrun", "torchrun")])
def test_a_wrong_number_of_processes_is_refused(name, tool, job):
    job(JOBS[name])
    with pytest.raises(InputError, match=f"expected 3 processes, but {tool} started 4"):
        Hardware("cpu", devices=3).launched()


def test_machines_without_a_launcher_are_refused(job):
    job(SBATCH)
    with pytest.raises(InputError, match="machine with torchrun"):
        launcher(1, 2)
    job({"NODE_RANK": "1"})
    assert launcher(1, 2).node_rank() == 1


def test_errors_of_starting_processes_are_reported_in_one_line(job):
    job(TASK | {"SLURM_NTASKS_PER_NODE": "4"})
    with pytest.raises(InputError, match=r"cannot start the processes of this run: \w+") as raised:
        Hardware("cpu", devices=2, nodes=2).launched()
    assert "\n" not in str(raised.value)
