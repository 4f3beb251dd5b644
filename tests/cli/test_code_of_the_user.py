"""An error in the code of a plug-in is shown, and is not mistaken for one of the laboratory."""

import subprocess
import sys
from pathlib import Path

import pytest

from coordconv_lab.cli import main
from coordconv_lab.registry import resolve
from tests.registry.test_faulty_plugins import plugin
from tests.registry.test_plugins import TRAIN, coordconv

DRAW = "    generator = torch.Generator()"


@pytest.mark.parametrize("code", [0, 3, "done"])
def test_an_exit_of_a_plugin_is_a_failure_with_a_traceback(tmp_path, code):
    path = plugin(tmp_path, DRAW, f"    import sys\n    sys.exit({code!r})\n{DRAW}")
    done = coordconv(*TRAIN, within=tmp_path, plugin=path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert f"plugin.py called sys.exit({code!r})" in done.stderr.splitlines()[-1]


def test_an_exit_in_a_worker_process_is_shown_and_fails_the_run(tmp_path):
    path = plugin(tmp_path, DRAW, f"    import sys\n    sys.exit(0)\n{DRAW}")
    command = ["reproduce", "--experiment", "pulses", "--split", "right", "--jobs", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "coordconv_lab", *command, "--plugin", str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "called sys.exit(0)" in done.stderr


def missing(directory: Path, package: str) -> subprocess.CompletedProcess[str]:
    path = plugin(directory, DRAW, f"    import {package}\n{DRAW}")
    return subprocess.run(
        [sys.executable, "-m", "coordconv_lab", *TRAIN, "--plugin", str(path)],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_package_that_a_plugin_needs_is_not_a_package_of_the_laboratory(tmp_path):
    done = missing(tmp_path, "no_such_package")
    assert done.returncode == 2
    assert "plugin.py needs no_such_package, which is not installed" in done.stderr
    assert "torch-coordconv[lab]" not in done.stderr


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("math.sqrt", 'expected a reference "module:name"'),
        ("math:", 'expected a reference "module:name"'),
        ("no_such_module:load", "does not exist"),
        ("math:no_such_name", "is not a reference to a function"),
        ("math:pi", "is not a reference to a function; it is 3.14"),
    ],
)
def test_a_reference_that_names_no_function_is_refused_in_one_line(tmp_path, reference, said):
    path = plugin(tmp_path, "load=load", f"load={reference!r}")
    done = coordconv(*TRAIN, within=tmp_path, plugin=path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_module_that_lacks_a_package_is_not_a_missing_module(tmp_path, monkeypatch):
    (tmp_path / "lacking_a_package.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        resolve("lacking_a_package:load")


@pytest.mark.parametrize("line", [DRAW, "class PulseData("])
def test_a_run_is_not_written_to_another_working_directory(tmp_path, line):
    other = tmp_path / "other"
    other.mkdir()
    space = line[: len(line) - len(line.lstrip())]
    path = plugin(tmp_path, line, f"{space}import os\n{space}os.chdir({str(other)!r})\n{line}")
    done = coordconv(*TRAIN, within=tmp_path, plugin=path)
    assert done.returncode == 2
    assert "remove the call of os.chdir" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(other.iterdir())


@pytest.mark.parametrize("place", ["", "    "])
def test_a_trial_is_stored_in_the_first_working_directory(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    change = f"{place}import os; os.chdir({str(tmp_path / 'other')!r})"
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n\ndef make():\n    return nn.Conv2d(1, 1, 1)\n\n"
        f"def train(model):\n    pass\n{change}\n\ndef score(model):\n    return 0.5\n"
    )
    line = ["trial", "mine.py", "--arm", "first", "--seeds", "1"]
    assert main([*line]) == 0
    assert {path.name for path in (tmp_path / "trial").iterdir()} >= {"runs.jsonl", "trial.html"}
    assert not list((tmp_path / "other").iterdir())
