"""Links between the files of the repository."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").rglob("*.md")]
FENCE = re.compile(r"^```.*?^```$", flags=re.DOTALL | re.MULTILINE)
MARKS = re.compile(r"[^\w\- ]")


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), flags=re.MULTILINE)
    return {MARKS.sub("", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text()))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def leads_somewhere(link: str, page: Path) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_points_to_an_existing_file_and_heading(page):
    assert [link for link in links(page) if not leads_somewhere(link, page)] == []


def test_a_dead_link_is_detected():
    page = ROOT / "docs" / "layers.md"
    assert leads_somewhere("gallery.md#tiled-inference", page)
    assert not leads_somewhere("gallery.md#no-such-heading", page)
    assert not leads_somewhere("nowhere.md", page)
    assert sum(len(links(one)) for one in PAGES) > 100
