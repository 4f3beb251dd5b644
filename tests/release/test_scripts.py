"""Builds that differ are not released; an audit that cannot look up a version fails."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str):
    sys.path.insert(0, str(ROOT / "release"))  # Lets the programs import each other.
    spec = importlib.util.spec_from_file_location(name, ROOT / "release" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.pop(0)
    return module


def files(directory: Path, **contents: str) -> list[Path]:
    directory.mkdir()
    paths = [directory / name for name in contents]
    for path in paths:
        path.write_text(contents[path.name])
    return paths


@pytest.mark.parametrize(
    "second", [{"wheel": "1980", "sdist": "b"}, {"wheel": "a"}, {"wheel": "a", "other": "b"}]
)
def test_two_builds_that_differ_are_refused(tmp_path, second):
    build = script("build")
    first = files(tmp_path / "first", wheel="a", sdist="b")
    build.compare(first, files(tmp_path / "same", wheel="a", sdist="b"))
    with pytest.raises(build.ReleaseError, match="not the same"):
        build.compare(first, files(tmp_path / "second", **second))


def test_no_files_are_no_release():
    build = script("build")
    with pytest.raises(build.ReleaseError):
        build.compare([], [])


def test_files_of_an_older_commit_do_not_stay_beside_the_new_ones(tmp_path):
    out = tmp_path / "dist"
    files(out, **{"torch_coordconv-0.0.9.tar.gz": "old"})
    new = files(tmp_path / "new", **{"torch_coordconv-0.1.0.tar.gz": "new"})
    script("build").keep(new, out)
    assert {path.name for path in out.iterdir()} == {new[0].name, "SHA256SUMS"}


def test_an_audit_fails_if_a_version_cannot_be_looked_up():
    audit = (ROOT / "Makefile").read_text().split("\naudit:")[1].split("\n\n")[0]
    assert "--requirement constraints.txt" in audit
    assert "--strict" in audit
