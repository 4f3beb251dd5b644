"""The page about where coordinates help is that of the committed records."""

from pathlib import Path

import pytest

from tests.docs.programs import is_current

ROOT = Path(__file__).parents[2]


@pytest.mark.slow("every record")
def test_the_page_is_current():
    """Its table, pictures, advice and licenses follow from the records and the sources."""
    assert is_current("make_where_it_helps.py")


def test_every_picture_is_there():
    page = (ROOT / "docs" / "where-it-helps.md").read_text()
    for line in page.splitlines():
        if line.startswith("!["):
            assert (ROOT / "docs" / line.split("](")[1].rstrip(")")).is_file()
