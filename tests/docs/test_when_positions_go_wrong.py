"""Every way in which positions go wrong has a symptom, a fix and a test that exists."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "when-positions-go-wrong.md").read_text()
WAYS = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", PAGE, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("way", WAYS)
def test_a_way_has_a_symptom_a_fix_and_a_test(way):
    text = WAYS[way]
    assert re.findall(r"^\*\*(.+?)\*\*", text, flags=re.MULTILINE) == [
        "Symptom.",
        "Fix.",
        "Tested by",
    ]
    tests = re.findall(r"\[`?([^\]`]+)`?\]\((\.\./tests/[^)]+)\)", text.split("**Tested by**")[1])
    assert tests
    for name, path in tests:
        source = (DOCS / path).read_text()
        assert not name.startswith("test_") or f"def {name}(" in source


def test_the_ways_were_found():
    assert {"Flips", "Tiles and sliding windows", "Normalization"} <= set(WAYS)
