"""One version, told in one place."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import coordconv

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_installed_version_is_the_projects():
    assert coordconv.__version__ == version("torch-coordconv") == VERSION


def test_the_command_says_the_projects_version():
    command = [sys.executable, "-m", "coordconv_lab", "--version"]
    assert (
        subprocess.run(command, capture_output=True, check=True).stdout.decode() == f"{VERSION}\n"
    )


def test_the_citation_and_the_newest_changes_are_of_the_projects_version():
    assert f"\nversion: {VERSION}\n" in (ROOT / "CITATION.cff").read_text()
    versions = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
    assert versions[0] == VERSION


def test_no_file_of_the_source_has_a_version_of_its_own():
    """Otherwise two places could differ; the spec's and the record's are their own."""
    for path in (ROOT / "src").rglob("*.py"):
        assert f'"{VERSION}"' not in path.read_text(), path
