"""If only the library is installed, commands report the missing extra in one line."""

import subprocess
import sys

import pytest

LAB = ["cyclopts", "lightning_fabric", "matplotlib", "pydantic"]


def run(*arguments: str, without: list[str]) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(sys.argv[1].split(',')));"
        "from coordconv_lab.__main__ import main; sys.exit(main(sys.argv[2:]))"
    )
    command = [sys.executable, "-c", program, ",".join(without), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("arguments", "missing"), [("--help", "cyclopts"), ("claims", "pydantic")])
def test_a_missing_package_is_reported_with_the_extra_in_one_line(arguments, missing):
    done = run(arguments, without=LAB if missing == "cyclopts" else [missing])
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"coordconv: the commands need {missing}")
    assert line.endswith("pip install 'torch-coordconv[lab]'")


def test_a_missing_module_of_this_package_is_not_a_missing_extra():
    done = run("--help", without=["coordconv_lab.cli.sweep"])
    assert done.returncode == 1
    assert "Traceback" in done.stderr
