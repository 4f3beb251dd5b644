"""A record has the commit of this source, not that of another repository."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from coordconv_lab.train import provenance


@pytest.fixture
def commit_in(monkeypatch):
    """Return a function that computes the commit for a source in a given directory."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)

    def told(directory: Path) -> str:
        monkeypatch.setattr(provenance, "__file__", str(directory / "provenance.py"))
        return provenance.commit.__wrapped__()

    return told


def repository(directory: Path, *files: str) -> str:
    """Create a repository with files, and return its commit."""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(directory), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    directory.mkdir(parents=True)
    git("init", "--quiet")
    for name in files:
        (directory / name).write_text(str(directory))
        git("add", name)
    git("commit", "--quiet", "--message", "first", "--allow-empty")
    return git("rev-parse", "HEAD")


def test_in_a_checkout_the_commit_is_known_and_changes_are_marked(commit_in, tmp_path):
    head = repository(tmp_path / "ours", "provenance.py")
    assert commit_in(tmp_path / "ours") == head
    (tmp_path / "ours" / "provenance.py").write_text("changed")
    assert commit_in(tmp_path / "ours") == f"{head}+changes"


def test_an_environment_inside_of_another_checkout_has_no_commit(commit_in, tmp_path):
    repository(tmp_path / "theirs", "other.py")
    (tmp_path / "theirs" / "site-packages").mkdir()
    (tmp_path / "theirs" / "site-packages" / "provenance.py").touch()
    assert commit_in(tmp_path / "theirs" / "site-packages") == "unknown"


def test_outside_of_a_checkout_the_commit_is_unknown(commit_in, tmp_path):
    assert commit_in(tmp_path) == "unknown"


def test_git_variables_of_the_environment_are_ignored(commit_in, tmp_path, monkeypatch):
    ours = repository(tmp_path / "ours", "provenance.py")
    theirs = repository(tmp_path / "theirs", "provenance.py")
    assert ours != theirs
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "theirs" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "theirs"))
    assert commit_in(tmp_path / "ours") == ours
