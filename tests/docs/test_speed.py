"""The page about speed says what the committed measurement says."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_that_of_the_committed_measurement():
    check = [sys.executable, ROOT / "docs" / "make_speed.py", "--check"]
    assert subprocess.run(check, check=False).returncode == 0, "run `make speed`"


def test_the_benchmark_runs_and_writes_what_the_page_needs(tmp_path):
    out = tmp_path / "layers.json"
    command = [sys.executable, ROOT / "benchmarks" / "layers.py", "--rows", "first"]
    command += ["--modes", "forward", "training", "--seconds", "0", "--turns", "1", "--out", out]
    subprocess.run(command, check=True, capture_output=True)
    cells = json.loads(out.read_text())["cells"]
    assert {cell["mode"] for cell in cells} == {"forward", "training"}
    assert {"plain", "published", "ours"} <= set(cells[0]["variants"])
    assert all(entry["bytes"] > 0 for cell in cells for entry in cell["variants"].values())
