"""Sweeps on a Ray cluster of two nodes, with lost workers and drivers, and wrong addresses."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

# All processes of a cluster need the same value; the cluster is only on loopback.
os.environ["RAY_AUTH_MODE"] = "disabled"

from coordconv_lab.errors import InputError
from coordconv_lab.results import RunStore
from coordconv_lab.sweep import cluster
from coordconv_lab.sweep.lookup import sweep_named
from coordconv_lab.sweep.on_ray import RayOptions, run_on_ray
from coordconv_lab.sweep.serial import run_serially
from tests.registry.test_plugins import coordconv
from tests.sweep.conftest import Listener, by_id, tiny_sweep

RUNS = 8
SPACE = f"""
name: killed
rows:
  - task: regression
    split: uniform
    settings:
      data.canvas: [[24, 28]]
      data.square: [5]
      training.epochs: [4]
settings:
  training.learning_rate: {{low: 0.001, high: 0.01, steps: {RUNS}}}
"""


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_an_address_without_a_server_is_named_quickly(tmp_path, listener):
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=f"no Ray cluster responds at {address}"):
        run_on_ray(tiny_sweep(1), str(tmp_path), listener, options=RayOptions(address))


@pytest.mark.parametrize(
    "address", ["nowhere", "host:port", ":1", "host:99999999", "a..b:6379", "h:²", "ray://here:1"]
)
def test_an_invalid_address_is_refused(tmp_path, listener, address):
    with pytest.raises(InputError, match=r"HOST:PORT|no Ray cluster responds"):
        run_on_ray(tiny_sweep(1), str(tmp_path), listener, options=RayOptions(address))


def test_a_server_that_is_not_ray_is_refused_in_time(tmp_path, listener, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 4)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match="no Ray cluster responds there within 4 seconds"):
            run_on_ray(tiny_sweep(1), str(tmp_path), listener, options=RayOptions(address))


@pytest.mark.parametrize(
    ("answers", "calls", "error"),
    [
        ([None], 1, None),
        (["the node timed out during startup", None], 2, None),
        (["it timed out"] * 3, 2, "cannot start Ray on this machine: it timed out"),
        (["the disk is full", None], 1, "cannot start Ray on this machine: the disk is full"),
    ],
)
def test_ray_is_started_again_only_if_it_took_too_long(monkeypatch, answers, calls, error):
    started = []

    def init(*arguments, **options):
        started.append(arguments)
        said = answers[len(started) - 1]
        if said is not None:
            raise RuntimeError(said)

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(cluster.ray, "init", init)
    expected = pytest.raises(InputError, match=error) if error else nullcontext()
    with expected, cluster.connected(None, "."):
        pass
    assert len(started) == calls


@contextmanager
def node(where: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen]:
    """Start a node of a cluster, and kill its processes at the end."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
    command += ["--node-ip-address=127.0.0.1", "--disable-usage-stats", *arguments]
    with (where / f"node-{time.monotonic_ns()}.log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen) -> None:
    """Kill a process and its children with signal 9."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a head with one core."""
    where, port = tmp_path_factory.mktemp("head"), free_port()
    address = f"127.0.0.1:{port}"
    options = ("--head", f"--port={port}", "--include-dashboard=false")
    # Ask the nodes more often whether they are alive, so that a killed one is noticed sooner.
    with node(where, *options, RAY_health_check_period_ms="500") as process:
        until(lambda: alive(address) == 1, process)
        yield address


def alive(address: str) -> int:
    """Return the number of living nodes of a cluster."""
    script = (
        "import sys, ray; ray.init(sys.argv[1], logging_level='ERROR', log_to_driver=False); "
        "print(sum(node['Alive'] for node in ray.nodes()))"
    )
    asked = [sys.executable, "-c", script, address]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120)
    return int(done.stdout) if done.returncode == 0 else 0


def until(holds, process: subprocess.Popen | None = None, seconds: float = 240) -> None:
    """Wait for a condition, as long as a process is alive."""
    end = time.monotonic() + seconds
    while not holds():
        assert process is None or process.poll() is None, "it ended before"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)


def sweeping(file: Path, runs: Path, address: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "coordconv_lab", "sweep", str(file), "--engine", "ray"]
    command += ["--address", address, "--runs", str(runs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def records(runs: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in runs.glob("*/record.json")}


def test_a_worker_and_a_driver_are_killed_and_every_run_is_done_once(head, tmp_path):
    file, runs = tmp_path / "space.yaml", tmp_path / "runs"
    file.write_text(SPACE)
    specs = sweep_named(str(file)).study.specs
    with node(tmp_path, f"--address={head}") as worker:
        until(lambda: alive(head) == 2, worker)
        driver = sweeping(file, runs, head)
        until(lambda: len(records(runs)) >= 2, driver)
        kill(worker)
        until(lambda: len(records(runs)) >= 4, driver)
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
    # Workers may still write files after their driver died.
    until(lambda: stands_still(runs))
    before = records(runs)
    assert len(before) < RUNS
    again = sweeping(file, runs, head)
    said, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors
    missing = re.search(rf"{RUNS} runs, (\d+) remaining", said)
    assert missing, said
    assert int(missing[1]) == RUNS - len(before)
    after = records(runs)
    assert {spec.run_name for spec in specs} == set(after)
    assert {name: after[name] for name in before} == before
    store, alone = RunStore(runs), RunStore(tmp_path / "alone")
    run_serially(sweep_named(str(file)), alone, Listener(), limit=1, threads=1)
    assert by_id(store, specs[:1]) == by_id(alone, specs[:1])
    assert not list(runs.glob("*/*.ckpt"))


def stands_still(runs: Path) -> bool:
    before = records(runs)
    time.sleep(2)
    return before == records(runs)


def test_workers_load_the_plug_in_of_a_sweep(head, tmp_path):
    space = {
        "name": "pulses",
        "rows": [{"task": "locate-pulse", "split": "right"}],
        "settings": {"model.kind": ["pulse-coordconv", "pulse-conv"], "training.epochs": [1]},
    }
    (tmp_path / "pulses.yaml").write_text(json.dumps(space))
    line = ("sweep", "pulses.yaml", "--engine", "ray", "--address", head)
    done = coordconv(*line, within=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in tmp_path.glob("runs/pulses/*/record.json")]
    assert len(found) == 2
    assert all("pulses" in record["provenance"]["plugins"] for record in found)


def test_a_machine_without_the_package_is_named_before_the_first_run(head, tmp_path, listener):
    blocked = "import sys\nsys.modules['coordconv_lab'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(blocked)
    with node(tmp_path, f"--address={head}", PYTHONPATH=str(tmp_path)) as worker:
        until(lambda: alive(head) == 2, worker)
        with pytest.raises(
            InputError, match=r"does not have the package; install torch-coordconv\[lab"
        ):
            run_on_ray(tiny_sweep(1), str(tmp_path / "runs"), listener, options=RayOptions(head))
    assert not list((tmp_path / "runs").glob("*"))


def test_the_address_of_the_cluster_can_come_from_the_environment(
    head, tmp_path, listener, monkeypatch
):
    monkeypatch.setenv("RAY_ADDRESS", head)
    run_on_ray(tiny_sweep(1), f"local://{tmp_path}/remote", listener)
    assert listener.begun[0][2] >= 1
    assert all(done.record for done in listener.attempts.values())
