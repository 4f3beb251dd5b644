"""Write the tables of docs/works-with.md from benchmarks/results/works_with.json.

Run it with `make speed`. A test fails if the page and the record differ. If an output in
the record is wrong although no tool raised an error, the program raises an error.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

from measured_parts import with_part, write_or_check

PAGE = Path(__file__).parents[2] / "docs" / "works-with.md"
RECORD = Path(__file__).parents[2] / "benchmarks" / "results" / "works_with.json"
FORMS = {
    "layer": "as it is",
    "module": "`decompose`, modules",
    "expanded layer": "`decompose`, layers",
    "folded": "precomputed",
}
VERDICTS = {  # For each verdict of the record, the words that follow its number of tools.
    "exact": "give exact outputs",
    "exact with this recipe": "give exact outputs with a recipe",
    "refused, with this message": "stop with an error message",
    "plain fails too": "also fail for the plain model",
}
PLAIN_FAILS = "as the plain model"
OUTCOMES = ("exact", "refused", "warned", PLAIN_FAILS)
MIN_TOOLS = 35


def checked(rows: dict[str, dict]) -> dict[str, dict]:
    """Return the rows after checking that no form is wrong for any tool.

    Raises:
        ValueError: If a row has wrong outputs or a crash, or if there are too few tools.
    """
    faults = [name for name, row in rows.items() if row["verdict"] not in VERDICTS]
    for name, row in rows.items():
        forms = [*row.get("forms", {}).values(), row.get("recipe", {"outcome": "exact"})]
        if any(one["outcome"] not in OUTCOMES for one in forms):
            faults.append(name)
    if faults:
        raise ValueError(f"fix these rows first, they are wrong: {', '.join(sorted(set(faults)))}")
    clear = [row for row in rows.values() if row["verdict"] != "plain fails too"]
    if len(clear) < MIN_TOOLS:
        raise ValueError(f"expected at least {MIN_TOOLS} tools with a verdict, got {len(clear)}")
    return rows


def tables(rows: dict[str, dict]) -> list[str]:
    """Return a section with a table for every family of tools."""
    lines = []
    for family in dict.fromkeys(row["family"] for row in rows.values()):
        lines += [
            f"### {family.capitalize()}",
            "",
            f"| tool | version | {' | '.join(FORMS.values())} | verdict |",
            f"|---|---|{'---|' * len(FORMS)}---|",
        ]
        chosen = {name: row for name, row in rows.items() if row["family"] == family}
        lines += [_line(name, row) for name, row in chosen.items()] + [""]
        noted = [f"- {name}: {row['note']}" for name, row in chosen.items() if row["note"]]
        lines += [*noted, ""] if noted else []
    return lines


def _line(name: str, row: dict) -> str:
    cells = [_cell(row["forms"].get(form)) for form in FORMS]
    [package, *_] = row["packages"]
    version = row["versions"][package]
    if package != "torch":
        version = f"{package} {version}"
    return f"| {name} | {version} | {' | '.join(cells)} | {_verdict(name, row)} |"


def _cell(found: dict | None) -> str:
    if found is None:
        return ""
    if found["outcome"] != "exact":
        return (
            "wrong, like the plain model" if found["outcome"] == PLAIN_FAILS else found["outcome"]
        )
    if found["second size"].startswith("not checked"):
        return "exact at one size; **other sizes are not refused**"
    one_size = found["second size"].startswith("refused")
    return "exact; refuses other sizes" if one_size else "exact"


def _verdict(name: str, row: dict) -> str:
    verdict = row["verdict"]
    if verdict == "exact with this recipe":
        return f"**exact** with [this recipe](#{_anchor(_title(name, row))})"
    if verdict == "exact" and "code" in row:
        return f"**exact** ([recipe](#{_anchor(_title(name, row))}))"
    if verdict == "refused, with this message":
        return "[refused, with this message](#messages)"
    return f"**{verdict}**" if verdict == "exact" else "the plain model also fails"


def _title(name: str, row: dict) -> str:
    return f"Recipe: {name}" if "recipe" in row else "One line before the tool"


def _anchor(title: str) -> str:
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip())


def recipes(rows: dict[str, dict]) -> list[str]:
    """Return the code of every recipe, as it was run; recipes of one line are grouped."""
    lines = [
        "## Recipes",
        "",
        "Each recipe is the code that was run in the test. `model` is the converted model, `x` is "
        "a batch of images, and `trained` is any training loop. Functions that are neither "
        "imported nor explained here are defined in "
        "[benchmarks/works_with_rows](../benchmarks/works_with_rows/__init__.py).",
        "",
    ]
    for name, row in rows.items():
        if "code" in row and "recipe" in row:
            lines += [f"### {_title(name, row)}", "", "```py", row["code"], "```", ""]
    short = [(row["code"], name) for name, row in rows.items() if _is_short(row)]
    if short:
        lines += [
            "### One line before the tool",
            "",
            "For some tools, it is enough to run one line before the tool. Below each line is the "
            "list of the tools that need this line.",
            "",
        ]
        for code in dict.fromkeys(code for code, _ in short):
            names = "; ".join(name for one, name in short if one == code)
            lines += ["```py", code, "```", "", f"Tools: {names}.", ""]
    return lines


def _is_short(row: dict) -> bool:
    return "code" in row and "recipe" not in row


def messages(rows: dict[str, dict]) -> list[str]:
    """Return the message of each tool that refuses, or warns about, unchanged coordinate layers."""
    lines = [
        "## Messages",
        "",
        "Some tools raise an error or a warning if a model has coordinate layers that were not "
        "decomposed or precomputed. The table has the first error or warning of each of these "
        "tools:",
        "",
        "| tool | message |",
        "|---|---|",
    ]
    for name, row in rows.items():
        layer = row["forms"].get("layer", {})
        if row["verdict"] != "plain fails too" and layer.get("outcome") in ("refused", "warned"):
            lines.append(f"| {name} | {_escaped(layer['message'])} |")
    return [*lines, ""]


def _escaped(message: str) -> str:
    text = message.replace("|", "\\|").replace("`", "'")
    return f"`{text}`"


def part(content: dict) -> str:
    """Return the measured part of the page."""
    rows = checked(content["rows"])
    count = Counter(row["verdict"] for row in rows.values())
    dates = sorted({row["ran"] for row in rows.values()})
    pythons = sorted({row["python"] for row in rows.values()})
    torchs = sorted({row["versions"]["torch"] for row in rows.values()})
    days = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    said = [f"{count[verdict]} {words}" for verdict, words in VERDICTS.items() if count[verdict]]
    head = [
        f"{len(rows)} tools were tested: {'; '.join(said)}. The tests were run on {days} "
        f"with torch {', '.join(torchs)} and Python {', '.join(pythons)}.",
        "",
        "## Tools",
        "",
    ]
    lines = [*head, *tables(rows), *recipes(rows), *messages(rows)]
    return "\n".join(lines).rstrip()


def main() -> int | None:
    """Write the page; with --check, only report whether the page is current."""
    content = json.loads(RECORD.read_text())
    return write_or_check(PAGE, with_part(PAGE.read_text(), part(content), "works"))


if __name__ == "__main__":
    sys.exit(main())
