"""Write the tables of docs/real-models.md from real_models.json and yolo_end_to_end.json.

Run it with `make speed`. A test fails if the page and the records differ.
"""

import json
import sys
from pathlib import Path

from measured_parts import with_part, write_or_check

PAGE = Path(__file__).parents[2] / "docs" / "real-models.md"
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
RECORD = RESULTS / "real_models.json"
YOLO_RECORD = RESULTS / "yolo_end_to_end.json"


def table() -> str:
    """Format one line for each network and each way to convert it."""
    record = json.loads(RECORD.read_text())
    lines = [
        "| network | converted | parameters | added | output change | new weights with gradient "
        "| trains | reverts bit-identical | saves and loads | compiles | ONNX |",
        "|---|--:|--:|--:|--:|--:|---|---|---|---|---|",
    ]
    for name, rows in record["models"].items():
        for row in rows.values():
            cells = [
                f"{name} ({row['library']})",
                f"{row['converted']} of {row['convolutions']}",
                f"{row['parameters']:,}",
                f"+{row['added']:,}",
                f"{row['difference']:.1g}",
                f"{row['gradients']} of {row['coordinate weights']}",
                *("yes" if row[key] else "no" for key in ("step", "reverts", "loads")),
                *(_beside_plain(row, key) for key in ("compile", "onnx")),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    versions = record["versions"]
    lines += [
        "",
        f"Measured with torch {versions['torch']}, transformers {versions['transformers']} and "
        f"MONAI {versions['monai']}. If compilation or export gives another result than for the "
        "plain network, the table also has the result for the plain network.",
    ]
    return "\n".join(lines)


def _beside_plain(row: dict, key: str) -> str:
    plain, converted = row[f"{key} plain"], row[f"{key} converted"]
    return converted if plain == converted else f"{converted}; the plain network: {plain}"


def yolo_table() -> str:
    """Format one line for each model that was trained with ultralytics."""
    record = json.loads(YOLO_RECORD.read_text())
    ways = list(record["rows"][0]["difference"])
    lines = [
        "| model | converted | largest coordinate weight | largest output (pixels) "
        f"| {' | '.join(ways)} | before saving | without coordinates |",
        f"|---|{'--:|' * (len(ways) + 5)}",
    ]
    for row in record["rows"]:
        cells = [
            row["architecture"],
            f"{row['converted']}",
            f"{row['largest_coordinate_weight']:.2g}",
            f"{row['largest_output']:.0f}",
            *(f"{row['difference'][way]:.1g}" for way in ways),
            f"{row['difference_of_half_precision']:.1g}",
            f"{row['difference_without_coordinates']:.3g}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    lines += [
        "",
        'All coordinate weights were zero before training. Each column after "largest output" is a '
        "version of the model. The number is the largest difference in pixels between the output "
        "of this version and the output of the saved model. Ultralytics saves weights in half "
        'precision, so the outputs before saving differ slightly (column "before saving"). In the '
        'column "without coordinates", the coordinates are removed from the model. Measured with '
        f"{versions}.",
    ]
    return "\n".join(lines)


def main() -> int | None:
    """Write the page; with --check, only report whether it is current."""
    text = with_part(PAGE.read_text(), table(), "models")
    return write_or_check(PAGE, with_part(text, yolo_table(), "yolo"))


if __name__ == "__main__":
    sys.exit(main())
