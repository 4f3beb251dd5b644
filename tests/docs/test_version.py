"""One version, told in one place."""

import tomllib
from pathlib import Path

import coordconv

ROOT = Path(__file__).parents[2]


def test_the_installed_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert coordconv.__version__ == project["version"]
    assert f"version: {project['version']}" in (ROOT / "CITATION.cff").read_text()
