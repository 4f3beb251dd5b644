"""The threads of a command sleep while they wait, unless the user wants otherwise."""

import os
import subprocess
import sys

import pytest

from coordconv_lab.environment import passive_waiting

NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")

PROGRAM = """
import os, sys
from coordconv_lab.__main__ import main
assert "torch" not in sys.modules
sys.meta_path.insert(0, type("Watch", (), {"find_spec": staticmethod(
    lambda name, *_: print(name, os.environ.get("OMP_WAIT_POLICY")) if name == "torch" else None
)}))
main(["--version"])
import torch
"""


def test_a_command_chooses_before_torch_is_imported():
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "torch PASSIVE"


@pytest.mark.parametrize("name", NAMES)
def test_a_choice_of_the_user_is_kept(monkeypatch, name):
    for each in NAMES:
        monkeypatch.delenv(each, raising=False)
    assert passive_waiting() == {"OMP_WAIT_POLICY": "PASSIVE"}
    monkeypatch.setenv(name, "5")
    assert passive_waiting() == {}
