"""Write the table of augmentation libraries in docs/positions.md from its record.

The record is benchmarks/results/augmentations.json. Run this program with `make speed`. A test
fails if the page and the record differ.
"""

import json
import sys
from pathlib import Path
from typing import Any

from measured_parts import with_part, write_or_check

PAGE = Path(__file__).parents[2] / "docs" / "positions.md"
RECORD = Path(__file__).parents[2] / "benchmarks" / "results" / "augmentations.json"
LARGEST_ERROR = 1e-3  # pixels


def table(tools: dict[str, dict[str, Any]]) -> str:
    """Format the measurements as a table.

    Raises:
        ValueError: If a placement is wrong.
    """
    header = (
        "library",
        "source of the placement",
        "transforms",
        "largest error",
        "error in pixels of a placement made from the library's own points or matrix",
    )
    lines = [" | ".join(header).join(("| ", " |")), "|---|---|--:|--:|---|"]
    for name, row in tools.items():
        if row["worst"] > LARGEST_ERROR:
            raise ValueError(f"the placements of {name} are wrong by {row['worst']} pixels")
        cells = (
            f"{name} {row['version']}",
            row["record"],
            str(len(row["transforms"])),
            f"{row['worst']:.0e} px",
            own(row),
        )
        lines.append(" | ".join(cells).join(("| ", " |")))
    chains = next(iter(tools.values()))["chains"]
    refused = "; ".join(f"{name}: {', '.join(row['refused'])}" for name, row in tools.items())
    return (
        "\n".join(lines)
        + f"\n\nFor each library, {chains} random chains of two to five transforms were tested, "
        + "and also every transform by itself. Each error is the largest over the pixels inside "
        + "the image. As intended, `apply_with_placement` raises an error for the following "
        + f"transforms: {refused}."
    )


def own(row: dict[str, Any]) -> str:
    """Format the error in pixels of a placement made from the tool's own points or matrix."""
    if not row["own"]:
        return "not applicable: this matrix is the source"
    return "; ".join(f"{name}: {error:.2g}" for name, error in row["own"].items())


def main() -> int | None:
    """Write the page; with --check, only report whether the page is current."""
    part = table(json.loads(RECORD.read_text())["tools"])
    return write_or_check(PAGE, with_part(PAGE.read_text(), part, "augmentations"))


if __name__ == "__main__":
    sys.exit(main())
