"""The version is defined in one place."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import coordconv

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_installed_version_matches_the_project():
    assert coordconv.__version__ == version("torch-coordconv") == VERSION


def test_the_command_prints_the_version_of_the_project():
    command = [sys.executable, "-m", "coordconv_lab", "--version"]
    assert (
        subprocess.run(command, capture_output=True, check=True).stdout.decode() == f"{VERSION}\n"
    )


def test_the_citation_and_the_changelog_have_the_version_of_the_project():
    assert f"\nversion: {VERSION}\n" in (ROOT / "CITATION.cff").read_text()
    versions = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
    assert versions[0] == VERSION


def test_no_source_file_contains_its_own_version():
    """Two places could differ; specs and records have separate format versions."""
    for path in (ROOT / "src").rglob("*.py"):
        assert f'"{VERSION}"' not in path.read_text(), path
