"""Without an extra the rest works, and what needs it says how to get it."""

import importlib.util
import json
import subprocess
import sys

import pytest

# What is None among the modules cannot be imported, as if it were not installed.
PROGRAM = """
import contextlib, io, json, sys
import torch
from coordconv import CoordConv2d
from coordconv.export import to_onnx
from coordconv_lab.__main__ import main

def onnx():
    to_onnx(CoordConv2d(1, 1, 1).eval(), torch.ones(1, 1, 2, 3), "never.onnx")

def keras():
    import coordconv.keras

def hub():
    import coordconv_lab.hub

def command(*arguments):
    sys.argv[1:] = arguments
    error = io.StringIO()
    with contextlib.redirect_stderr(error):
        code = main()
    raise SystemExit(f"{code}: {error.getvalue().strip()}")

def lab():
    command("train", "regression")

def sweep():
    command("sweep", "tiling", "--engine", "ray")

said = {}
packages = {onnx: "onnx", keras: "keras", hub: "huggingface_hub", lab: "cyclopts", sweep: "ray"}
for attempt, package in packages.items():
    sys.modules[package] = None
    try:
        attempt()
    except BaseException as error:
        said[attempt.__name__] = str(error)
    del sys.modules[package]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    output = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    return json.loads(output.stdout)


@pytest.mark.parametrize("extra", ["onnx", "keras", "hub"])
def test_what_needs_an_extra_names_it(said, extra):
    assert "require" in said[extra]
    assert said[extra].endswith(f"pip install 'torch-coordconv[{extra}]'")


@pytest.mark.parametrize("extra", ["lab", "sweep"])
def test_a_command_without_its_extra_says_so_in_one_line_and_exits_with_2(said, extra):
    if extra == "sweep" and not importlib.util.find_spec("cyclopts"):
        pytest.skip("without the laboratory there are no sweeps")
    assert said[extra].startswith("2: coordconv: ")
    assert said[extra].endswith(f"pip install 'torch-coordconv[{extra}]'")
    assert len(said[extra].splitlines()) == 1
