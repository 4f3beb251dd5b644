"""Commands in unusual environments: notebooks, cluster jobs, and files of other programs."""

import os
import subprocess
import sys
from pathlib import Path

from tests.train.test_launcher import JOBS

NOTEBOOK = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
TRAIN = [
    "train",
    "regression",
    "--canvas",
    "14",
    "18",
    "--square",
    "5",
    "--epochs",
    "1",
    "--device",
    "cpu",
    "--runs",
    "runs",
]


def done(place: Path, arguments: list[str], variables: dict[str, str]) -> tuple[int, list[str]]:
    """Return the exit code of a command and the lines of its errors."""
    command = [sys.executable, "-m", "coordconv_lab", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | variables
    ended = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    return ended.returncode, ended.stderr.splitlines()


def test_a_network_is_trained_and_its_figures_are_drawn(tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"text.usetex: True\nfoo: : :\nbackend: TkAgg\n\xff")
    variables = NOTEBOOK | JOBS["all"]
    assert done(tmp_path, TRAIN, variables) == (0, [])
    report = ["report", "--runs", "runs", "--format", "png", "--results", "nowhere"]
    assert done(tmp_path, report, variables) == (0, [])
    assert (tmp_path / "runs" / "figures" / "maps.png").stat().st_size > 1000


def test_unreadable_matplotlib_styles_are_ignored(tmp_path):
    (tmp_path / "stylelib").mkdir()
    (tmp_path / "stylelib" / "mine.mplstyle").write_bytes(b"\xff\xfe")
    assert done(tmp_path, TRAIN, {"MPLCONFIGDIR": str(tmp_path)}) == (0, [])
