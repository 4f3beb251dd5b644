"""Write the measured parts of docs/numbers.md and docs/matrix.md from benchmarks/results/.

Run it with `make speed`. A test fails if a page and the measurements differ.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measured_parts import with_part, write_or_check

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from benchmarks.matrix import CELLS, RESULTS, VERSIONS, Cell  # noqa: E402

NUMBERS, MATRIX = ROOT / "docs" / "numbers.md", ROOT / "docs" / "matrix.md"
GRADIENTS = ("input", "weight", "coord_weight", "bias")
THREADS = ROOT / "benchmarks" / "results" / "threads.json"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table with text in its first column."""
    marks = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, marks, *rows))


def small(value: float) -> str:
    """Format a difference to one digit."""
    return f"{value:.0e}" if value else "0"


def layers(content: Mapping[str, Any]) -> str:
    """Format the differences of layers between one and two threads, relative to the maximum."""
    names = ("output", *(f"gradient of {name}" for name in GRADIENTS))
    rows = [
        [f"{one['layer']}, {one['dtype']}", *(small(one["differences"][name]) for name in names)]
        for one in content["layers"]
    ]
    return table(["1 thread vs 2", *names], rows)


def training(content: Mapping[str, Any]) -> str:
    """Format the differences of networks after several steps."""
    header = ["1 thread vs 2", "steps", "loss", "score", "weight, in learning rates"]
    rows = [
        [
            f"{one['task']}, {one['net']}",
            str(one["steps"]),
            *(small(one[name]) for name in ("loss", "score", "weight")),
        ]
        for one in content["training"]
    ]
    made = content["machine"]
    where = f"{made['processor']}, {made['capability']}, torch {made['torch']}"
    return f"{table(header, rows)}\n\nEach number is the largest difference, measured on {where}."


def matrix(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """Format every cell, including those that were not run."""
    header = ["installed", "versions", "Python", "torch", "outcome", "passed", "failed", "skipped"]
    rows = [_row(cell, outcomes.get(cell.id, {})) for cell in CELLS]
    return table([*header, "date", "commit"], rows)


def _row(cell: Cell, found: Mapping[str, Any]) -> list[str]:
    what = "library only" if cell.what == "library" else f"`[{cell.what}]`"
    shown = ("torch", "outcome", "passed", "failed", "skipped", "date", "commit")
    cells = {"outcome": "not run"} | {name: str(value) for name, value in found.items()}
    python = cells.get("python", cell.python)
    return [what, cell.versions, python, *(cells.get(name, "") for name in shown)]


def versions() -> str:
    """Format the meanings of the names of versions."""
    return "\n".join(f"- **{name}**: {meaning}." for name, meaning in VERSIONS.items())


def main() -> int | None:
    """Write the pages; with --check, only report whether they are current."""
    content = json.loads(THREADS.read_text())
    numbers = with_part(NUMBERS.read_text(), layers(content), "layers")
    outcomes = json.loads(RESULTS.read_text())
    page = with_part(MATRIX.read_text(), versions(), "versions")
    left = [
        write_or_check(NUMBERS, with_part(numbers, training(content), "training")),
        write_or_check(MATRIX, with_part(page, matrix(outcomes), "matrix")),
    ]
    return max(filter(None, left), default=None)


if __name__ == "__main__":
    sys.exit(main())
