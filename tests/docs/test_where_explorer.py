"""The explorer of held-out places is made from the committed predictions."""

from pathlib import Path

from tests.docs.programs import is_current

ROOT = Path(__file__).parents[2]


def test_the_page_is_current_and_light():
    assert is_current("make_where_explorer.py")
    assert (ROOT / "docs" / "where-explorer.html").stat().st_size < 1_000_000
