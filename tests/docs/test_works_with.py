"""The page of outside tools is that of the record, and refuses a silent difference."""

import copy
import json
import sys
from pathlib import Path

import pytest

from tests.docs.programs import is_current

ROOT = Path(__file__).parents[2]
RECORD = json.loads((ROOT / "benchmarks" / "results" / "works_with.json").read_text())
sys.path.insert(0, str(ROOT / "tools" / "pages"))
import make_works_with  # noqa: E402  # pyright: ignore[reportMissingImports]

sys.path.pop(0)


def test_the_page_is_that_of_the_committed_record():
    assert is_current("make_works_with.py"), "run `make speed`"


def test_every_row_has_a_verdict_and_its_versions():
    assert len(make_works_with.checked(RECORD["rows"])) >= make_works_with.MIN_TOOLS
    for row in RECORD["rows"].values():
        assert {"torch", *row["packages"]} == set(row["versions"])


def test_every_recipe_is_on_the_page():
    page = make_works_with.PAGE.read_text()
    for row in RECORD["rows"].values():
        assert row.get("code", "") in page


@pytest.mark.parametrize("where", ["verdict", "form", "recipe"])
def test_a_silent_difference_is_refused(where):
    rows = copy.deepcopy(RECORD["rows"])
    name = next(name for name, row in rows.items() if "recipe" in row)
    if where == "verdict":
        rows[name]["verdict"] = "WRONG"
    elif where == "form":
        rows[name]["forms"]["layer"]["outcome"] = "WRONG"
    else:
        rows[name]["recipe"]["outcome"] = "WRONG"
    with pytest.raises(ValueError, match="fix these rows first, they are wrong"):
        make_works_with.checked(rows)
