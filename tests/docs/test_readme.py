"""What the README says is what the records say, and its code runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_measured_table_is_that_of_the_committed_records():
    check = [sys.executable, ROOT / "docs" / "make_readme.py", "--check"]
    assert subprocess.run(check, check=False).returncode == 0, "run `make readme`"


def test_the_layers_five_lines_run_and_print_what_they_say():
    [code] = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert output.stdout.decode().strip() == "torch.Size([8, 64, 112, 160])"
    assert "# torch.Size([8, 64, 112, 160])" in code


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", README))))
def test_every_file_that_the_readme_names_is_there(target):
    assert (ROOT / target).exists()


def test_every_make_target_that_the_readme_names_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, flags=re.MULTILINE))
    assert {"reproduce", "test"} <= named <= targets
