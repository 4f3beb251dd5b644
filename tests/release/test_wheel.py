"""The files of a release contain all of src, the licenses, and nothing else."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

pytest.importorskip("uv_build")

ROOT = Path(__file__).parents[2]
BESIDE_THE_SOURCE = ["pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"]
LEFTOVERS = ["src/coordconv/__pycache__/grids.cpython-311.pyc", "tests/test.py", "results/a.json"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = f"torch_coordconv-{PROJECT['version']}"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the source with leftovers in it, and dist/ with what was built there."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE_THE_SOURCE:
        shutil.copy(ROOT / name, tree)
    for name in LEFTOVERS:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("left over")
    (tree / "dist").mkdir()
    program = "import uv_build as b; b.build_wheel('dist'); b.build_sdist('dist')"
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = os.environ | {"PATH": path}
    subprocess.run([sys.executable, "-c", program], cwd=tree, env=environment, check=True)
    return tree


@pytest.fixture(scope="module")
def wheel(tree):
    with ZipFile(tree / "dist" / f"{NAME}-py3-none-any.whl") as file:
        yield file


def source() -> set[str]:
    paths = (ROOT / "src").rglob("*")
    files = (path.relative_to(ROOT / "src") for path in paths if path.is_file())
    hidden = {"__pycache__", "torch_coordconv.egg-info"}
    return {file.as_posix() for file in files if not hidden & set(file.parts)}


def test_the_wheel_holds_the_source_and_its_own_metadata(wheel):
    files = {name for name in wheel.namelist() if not name.endswith("/")}
    described = {name for name in files if name.startswith(f"{NAME}.dist-info/")}
    assert files - described == source()
    assert {name.removeprefix(f"{NAME}.dist-info/") for name in described} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
        "licenses/src/coordconv_lab/report/assets/plotly.LICENSE",
    }


def test_the_sources_include_files_other_than_python():
    """Without these the types are unknown, and there is no report."""
    suffixes = {Path(name).suffix for name in source()} - {".py"}
    assert suffixes == {".typed", ".j2", ".js", ".css", ".LICENSE"}
    assert "coordconv/py.typed" in source()


def test_the_sdist_holds_the_source_and_what_the_wheel_is_made_of(tree):
    with tarfile.open(tree / "dist" / f"{NAME}.tar.gz") as file:
        files = {member.name.removeprefix(f"{NAME}/") for member in file if member.isfile()}
    beside = {*BESIDE_THE_SOURCE, "PKG-INFO", "pyproject.toml.orig"}
    assert files - beside == {f"src/{name}" for name in source()}
    assert beside - {"pyproject.toml.orig"} <= files  # Some versions of uv_build keep a copy.


def test_both_are_small(tree):
    """Megabytes would be results, or pictures."""
    assert all(path.stat().st_size < 1_500_000 for path in (tree / "dist").iterdir())


def test_the_wheel_says_what_the_project_says(wheel):
    metadata = Parser().parsestr(wheel.read(f"{NAME}.dist-info/METADATA").decode())
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["License-Expression"] == PROJECT["license"]
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    extras = set(metadata.get_all("Provides-Extra", []))
    assert extras == set(PROJECT["optional-dependencies"])
    needed = [one for one in metadata.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert needed == PROJECT["dependencies"]
