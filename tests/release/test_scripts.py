"""What does not come out twice is no release; an audit that could not look has not passed."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "release" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
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


CLEAN = {"name": "numpy", "version": "2.4", "vulns": []}
HOLE = {"name": "lightning", "version": "2.6.3", "vulns": [{"id": "GHSA-1"}]}


@pytest.mark.parametrize(
    ("output", "errors", "code", "said"),
    [
        (json.dumps({"dependencies": [CLEAN]}), "", 0, "1 versions, no known vulnerability"),
        (json.dumps({"dependencies": [CLEAN, HOLE]}), "", 1, "lightning 2.6.3: GHSA-1"),
        ("", "requests.exceptions.ConnectionError: no route", 3, "NOT DONE"),
        ("", "ERROR: numpy: Dependency not found on PyPI", 3, "NOT DONE"),
        ("", "", 3, "said nothing"),
    ],
)
def test_an_audit_passes_only_if_every_version_was_looked_up(output, errors, code, said):
    found, words = script("audit").verdict(output, errors)
    assert found == code
    assert said in words
