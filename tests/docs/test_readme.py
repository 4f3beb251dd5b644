"""The README matches the records, and its code runs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_measured_table_matches_the_committed_records():
    check = [sys.executable, ROOT / "docs" / "make_readme.py", "--check"]
    assert subprocess.run(check, check=False).returncode == 0, "run `make readme`"


def test_the_five_lines_of_code_run_and_print_the_shape():
    [code] = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert output.stdout.decode().strip() == "torch.Size([8, 64, 112, 160])"
    assert "# torch.Size([8, 64, 112, 160])" in code


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", README))))
def test_every_file_linked_in_the_readme_exists(target):
    assert (ROOT / target).exists()


def test_every_make_target_in_the_readme_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, flags=re.MULTILINE))
    assert {"reproduce", "test"} <= named <= targets


def test_pages_install_a_checkout_with_existing_extras():
    """The distribution is not on PyPI, so its name cannot be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    lines = [
        line for page in pages for line in re.findall(r"pip install [^`\n]*", page.read_text())
    ]
    assert not [line for line in lines if project["name"] in line]
    extras = {extra for line in lines for extra in re.findall(r"'\.\[([\w,]+)\]'", line)}
    assert {"lab", "keras", "onnx", "hub", "sweep"} <= extras
    assert {part for extra in extras for part in extra.split(",")} <= set(
        project["optional-dependencies"]
    )


@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_the_first_pages_name_the_distribution(page):
    text = (ROOT / page).read_text()
    assert "`torch-coordconv` and is not on PyPI yet" in text
    assert "`coordconv` on PyPI is a different project" in text
