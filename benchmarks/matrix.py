"""The tested versions of Python and packages, the tests for each, and their results.

`nox` (noxfile.py) runs the cells, and docs/matrix.md shows the results.
"""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "matrix.json"

VERSIONS = {
    "lowest": "the lowest versions that `pyproject.toml` allows and with a wheel for that Python",
    "constraints": "the versions in `constraints.txt`",
    "highest": "the highest available versions",
}


class Cell(NamedTuple):
    """A separate environment.

    Attributes:
        python: The version of Python.
        what: "library" for an installation without extras, or the installed extra.
        versions: A key of VERSIONS.
    """

    python: str
    what: str
    versions: str

    @property
    def id(self) -> str:
        """The name of the cell for nox, and in the file of results."""
        return "-".join(self)


PYTHONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = ("sweep", "onnx", "hub", "keras")  # one at a time; lab is tested with each
CELLS = [
    *(
        Cell(python, what, versions)
        for what in ("library", "lab")
        for versions in ("lowest", "constraints")
        for python in PYTHONS
    ),
    *(Cell("3.13", what, "highest") for what in ("library", "lab")),
    *(Cell("3.11", extra, versions) for extra in EXTRAS for versions in ("lowest", "constraints")),
]

_EVERYWHERE = "tests/architecture/test_extras.py"
_BEYOND_TORCH = (
    *("conversion/test_checkpoints", "conversion/test_real_models"),
    *("test_export", "test_public_names", "test_signatures", "test_verified_export"),
)
_TRAINING = ("run", "divergence", "batches")
TESTS = {
    "library": (
        "tests/coordconv",
        *(f"--ignore=tests/coordconv/{name}.py" for name in _BEYOND_TORCH),
        _EVERYWHERE,
    ),
    "lab": (
        *(f"tests/{name}" for name in ("recipes", "results", "tasks")),
        *(f"tests/train/test_{name}.py" for name in _TRAINING),
        _EVERYWHERE,
    ),
    "sweep": (
        "tests/sweep/test_spaces.py",
        "tests/sweep/test_serial.py",
        "tests/sweep/test_ray.py",
    ),
    "onnx": ("tests/coordconv/test_export.py", "tests/coordconv/test_verified_export.py"),
    "hub": ("tests/hub",),
    "keras": ("tests/keras",),
}


def counts(report: Path) -> dict[str, int]:
    """Return how many tests in a JUnit report passed, failed and were skipped."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    total, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped}


def write_down(cell: Cell, outcome: dict[str, Any]) -> None:
    """Write the results of a cell, replacing earlier results."""
    outcomes = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    said = _git("rev-parse", "--short=12", "HEAD")
    if _git("status", "--porcelain", "--", "src", "tests", "pyproject.toml"):
        said += "+changes"
    outcomes[cell.id] = {**outcome, "date": datetime.now(UTC).date().isoformat(), "commit": said}
    ordered = {one.id: outcomes[one.id] for one in CELLS if one.id in outcomes}
    RESULTS.write_text(json.dumps(ordered, indent=2) + "\n")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
