"""How many runs are trained at once."""

from math import inf

import pytest
import torch

from coordconv_lab.errors import InputError
from coordconv_lab.sweep import cores
from coordconv_lab.sweep.cores import cores_here, jobs_for, quota
from coordconv_lab.train import Hardware

CPU = Hardware("cpu")


@pytest.fixture
def machine(monkeypatch):
    """Pretend that torch would use 8 threads, and that 8 cores are available."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(cores, "cores_here", lambda: 8)


@pytest.mark.usefixtures("machine")
def test_by_default_each_core_has_a_run_and_no_more_jobs_start_than_runs():
    assert jobs_for(100, None, CPU) == 8
    assert jobs_for(100, None, CPU, threads=3) == 2
    assert jobs_for(100, None, CPU, threads=99) == 1
    assert jobs_for(3, None, CPU) == 3
    assert jobs_for(3, 50, CPU) == 3
    assert jobs_for(0, None, CPU) == 1


@pytest.mark.usefixtures("machine")
def test_a_user_who_limits_threads_also_limits_jobs(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert jobs_for(100, None, CPU) == 1


@pytest.mark.usefixtures("machine")
def test_a_gpu_and_runs_of_several_processes_have_one_job_by_default(monkeypatch):
    assert jobs_for(100, None, Hardware("cpu", devices=2)) == 1
    monkeypatch.setattr(Hardware, "kind", "cuda")
    assert jobs_for(100, None, CPU) == 1
    assert jobs_for(100, 2, CPU) == 2


@pytest.mark.parametrize(
    ("jobs", "hardware", "said"),
    [(0, CPU, "1 or more, got 0"), (2, Hardware("cpu", devices=2), "1 if 2 processes train")],
)
def test_jobs_that_cannot_be_are_refused(jobs, hardware, said):
    with pytest.raises(InputError, match=said):
        jobs_for(5, jobs, hardware)


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, inf),
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 2.5),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}, 0.5),
        ("2:cpuacct,cpu:/a\n1:cpuset:/a\n", {"cpu/a/cpu.cfs_quota_us": "-1\n"}, inf),
        ("2:cpuacct,cpu:/a\n", {"cpu/cpu.cfs_quota_us": "300000\n"}, 3),
        ("2:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "300000\n"}, inf),
        ("0::/\n", {"cpu.max": "odd"}, inf),
    ],
    ids=["no limit", "limit", "limit of a parent", "old, none", "old", "not of it", "odd"],
)
def test_the_quota_of_control_groups_limits_the_cores(tmp_path, own, files, cores):
    groups = tmp_path / "groups"
    for name, text in files.items():
        path = groups / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.name == "cpu.cfs_quota_us":
            path.with_name("cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "own").write_text(own)
    assert quota(groups, tmp_path / "own") == cores


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert quota(tmp_path, tmp_path / "own") == inf


def test_a_quota_below_one_core_still_allows_one_job(monkeypatch):
    monkeypatch.setattr(cores, "quota", lambda: 0.25)
    assert cores_here() == 1
