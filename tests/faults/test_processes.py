"""Processes that die inside a write, or train the same run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("forked.py")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Return the output of the program."""
    command = [sys.executable, PROGRAM, tmp_path_factory.mktemp("forked")]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, env=one_thread, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_a_run_killed_inside_every_write_has_the_usual_result(outcome):
    found = outcome["writes"]
    for name, left in found["left"].items():
        assert [each.startswith(f".{name}.") for each in left] == [True], (name, left)
    untouched, killed = found["names"]
    assert killed == untouched
    assert "record.json" in killed
    assert found["weights"][0] == found["weights"][1]


def test_two_processes_train_the_same_run_once_and_all_runs_are_complete(outcome):
    found = outcome["together"]
    assert found["codes"] == [0, 0, 0]
    assert found["trained"] == ["0", "1"]
    assert found["records"] == [True, True]
    assert len(found["names"]) == 2 * 6, found["names"]
