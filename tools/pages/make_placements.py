"""Rewrite the part of docs/speed.md about placements from benchmarks/results/placements.json.

Run it with `make speed`. A test fails if the page and the measurements differ.
"""

import json
import math
import sys
from pathlib import Path

from measured_parts import with_part, write_or_check

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "benchmarks" / "results" / "placements.json"
PAGE = ROOT / "docs" / "speed.md"
COLUMNS = {
    "placement": "placement / window",
    "inside positions": "from `positions` / window",
    "window per sample": "window per sample / window",
    "placement per sample": "placement per sample / placement",
}
MODES = {"forward": "forward", "training": "forward and backward"}


def geometric_mean(ratios: list[float]) -> float:
    """Return the geometric mean of some ratios."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def table(cells: list[dict]) -> list[str]:
    """Format one line per mode and batch size."""
    lines = [f"| | batch | {' | '.join(COLUMNS.values())} |", "|---|--:|" + "--:|" * len(COLUMNS)]
    for mode, words in MODES.items():
        for batch in sorted({cell["batch"] for cell in cells}):
            chosen = [cell for cell in cells if (cell["mode"], cell["batch"]) == (mode, batch)]
            entries = []
            for name in COLUMNS:
                ratios = [cell["ratios"][name][0] for cell in chosen]
                entries.append(f"{geometric_mean(ratios):.2f} (to {max(ratios):.2f})")
            lines.append(f"| {words} | {batch} | {' | '.join(entries)} |")
    return lines


def measured_twice(cells: list[dict], limits: dict[str, float]) -> list[str]:
    """Format one line for each result over its limit, with the second measurement."""
    lines = []
    for cell in cells:
        for name, limit in limits.items():
            first = cell["ratios"][name][0]
            if first > limit and "again" in cell and (name == "placement" or cell["batch"] == 32):
                where = f"{cell['row']}, {cell['format'].replace('_', ' ')}, batch {cell['batch']}"
                middle, low, high = cell["again"]["ratios"][name]
                lines.append(
                    f"- {MODES[cell['mode']]}, {where}: {COLUMNS[name]} {first:.2f}, then "
                    f"{middle:.2f} ({low:.2f} to {high:.2f})"
                )
    return lines or ["None."]


def main() -> int:
    """Write the part; with --check, only report whether it is current."""
    content = json.loads(MEASURED.read_text())
    cells, made = content["cells"], content["machine"]
    again = [cell["again"]["turns"] for cell in cells if "again" in cell]
    part = [
        *table(cells),
        "",
        f"Measured for {len(cells)} combinations of a layer, a memory format, a batch size and a "
        f"mode, on {made['processor']}, {made['threads']} threads, torch {made['torch']}. For each "
        f"combination, the median of {content['turns']} rounds was computed. Each number is the "
        "geometric mean of these medians, followed by the largest median. Medians above 1.05 "
        "(placement) or 1.15 (placement per sample, batch 32) were measured again with "
        f"{max(again, default=0)} rounds. In the following list, the second number of each item is "
        "from these rounds, with their range in parentheses:",
        "",
        *measured_twice(cells, content["limits"]),
    ]
    page = with_part(PAGE.read_text(), "\n".join(part), "placements")
    return write_or_check(PAGE, page) or 0


if __name__ == "__main__":
    sys.exit(main())
