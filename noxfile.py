"""The matrix of versions: `nox` runs all of it, `nox -s "cell(3.12-lab-lowest)"` one cell.

Every cell is an environment of its own; its outcome goes to benchmarks/results/matrix.json. It
takes an hour or two and is not part of `make check`.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox
from nox.command import CommandFailed

sys.path.insert(0, str(Path(__file__).parent))
from benchmarks.matrix import CELLS, TESTS, Cell, counts, write_down

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "uv"

ASKED = """
import json, platform
from importlib.metadata import version
print(json.dumps({"python": platform.python_version(), "torch": version("torch")}))
"""


@nox.session(venv_backend="none")
def missing(session: nox.Session) -> None:
    """Write down which cells cannot be run here, because nox skips them in silence."""
    for cell in CELLS:
        name = f"python{cell.python}"
        # Version managers put names on the path that do not start any Python.
        command = [name, "--version"]
        if not shutil.which(name) or subprocess.run(command, capture_output=True).returncode:
            session.log(f"{cell.id}: {name} is not installed here")
            write_down(cell, {"outcome": "not installed here"})


@nox.session
@nox.parametrize("python,what,versions", [nox.param(*cell, id=cell.id) for cell in CELLS])
def cell(session: nox.Session, what: str, versions: str) -> None:
    """Install the library or one extra, and run the tests that need no more."""
    here = Cell(str(session.python), what, versions)
    session.env.update(OMP_NUM_THREADS="1", PYTHONPATH=None, KERAS_BACKEND="torch")
    try:
        install(session, here)
    except CommandFailed:
        write_down(here, {"outcome": "does not install"})
        raise
    found = json.loads(session.run("python", "-c", ASKED, silent=True) or "{}")
    report = Path(session.create_tmp()) / "report.xml"
    command = ("python", "-m", "pytest", f"--junitxml={report}", *TESTS[what])
    try:
        # Not in the long path of the environment, where Ray finds no room for its sockets.
        session.run(*command, env={"TMPDIR": tempfile.gettempdir()})
        outcome = "passed"
    except CommandFailed:
        outcome = "failed"
    counted = counts(report) if report.exists() else {}  # not where the interpreter crashed
    write_down(here, {"outcome": outcome, **found, **counted})
    shutil.rmtree(session.virtualenv.location)  # up to 5 GB
    if outcome == "failed":
        session.error("tests failed")


def install(session: nox.Session, here: Cell) -> None:
    """Install the project as a user would, and what runs its tests."""
    project = "." if here.what == "library" else f".[{here.what}]"
    if here.versions == "lowest":
        lowest = str(Path(session.create_tmp()) / "lowest.txt")
        extra = () if here.what == "library" else ("--extra", here.what)
        options = ("--resolution", "lowest-direct", "--only-binary", ":all:", "--quiet")
        interpreter = ("--python", str(Path(session.bin) / "python"))
        compile_ = ("uv", "pip", "compile", "pyproject.toml", *extra, *options, *interpreter)
        session.run(*compile_, "--output-file", lowest, external=True, silent=True)
        session.install("--requirement", lowest)
        session.install("--no-deps", ".")
    elif here.versions == "constraints":
        session.install("--constraint", "constraints.txt", project)
    else:
        session.install(project)
    session.install("pytest", "hypothesis")
