"""Write the table of docs/real-models.md from benchmarks/results/real_models.json.

Run it with `make speed`; a test fails while the page and the record disagree.
"""

import json
import sys
from pathlib import Path

from pages import with_part, write_or_check

PAGE = Path(__file__).parent / "real-models.md"
RECORD = Path(__file__).parents[1] / "benchmarks" / "results" / "real_models.json"


def table() -> str:
    """A line for each network and each way to convert it."""
    record = json.loads(RECORD.read_text())
    lines = [
        "| network | converted | parameters | for coordinates | output changes by "
        "| new weights that learn | a step trains | back bit for bit | saves and loads "
        "| compiles | ONNX |",
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
        f"torch {versions['torch']}, transformers {versions['transformers']}, MONAI "
        f"{versions['monai']}. It compiles and exports as the plain network does where nothing "
        "else is said.",
    ]
    return "\n".join(lines)


def _beside_plain(row: dict, key: str) -> str:
    plain, converted = row[f"{key} plain"], row[f"{key} converted"]
    return converted if plain == converted else f"{converted}; the plain network: {plain}"


def main() -> int | None:
    """Write the page, or with --check tell whether it is up to date."""
    return write_or_check(PAGE, with_part(PAGE.read_text(), table(), "models"))


if __name__ == "__main__":
    sys.exit(main())
