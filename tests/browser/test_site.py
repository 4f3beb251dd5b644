"""The site of documents: complete, without a dead link, and silent towards other machines."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Visit

Open = Callable[..., Visit]
ROOT = Path(__file__).parents[2]
pytest.importorskip("zensical", reason="needs the extra docs")
sys.path.insert(0, str(ROOT / "tools" / "site"))  # Lets the programs import each other.

import make_site  # noqa: E402
import site_pages  # noqa: E402
import site_reference  # noqa: E402

SHOWN = (
    "index.html",
    "tutorial.html",
    "layers.html",
    "gallery.html",
    "reference/layers.html",
    "evidence.html",
    "where-it-helps.html",
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a warning would have been an error."""
    return make_site.build(tmp_path_factory.mktemp("documents"))


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    assert make_site.requests_of(site) == []
    assert len(list(site.rglob("*.html"))) > 100


def test_every_page_and_decision_is_in_the_navigation(site: Path) -> None:
    pages = sorted((ROOT / "docs").rglob("*.md"))
    linked = re.findall(r'<a [^>]*href="?([^"\s>]+)', (site / "404.html").read_text())
    named = {link.rpartition("./")[2].lstrip("/") for link in linked}
    for page in pages:
        assert page.relative_to(ROOT / "docs").with_suffix(".html").as_posix() in named
    assert "report.html" in named
    assert (site / "report.html").read_bytes() == (ROOT / "docs" / "report.html").read_bytes()


def test_a_page_that_is_named_nowhere_gets_the_place_of_its_pattern(tmp_path: Path) -> None:
    for name, title in (("index.md", "Home"), ("matrix.md", "Where it runs")):
        (tmp_path / name).write_text(f"# {title}\n")
    (tmp_path / "decisions").mkdir()
    (tmp_path / "decisions" / "0042-answer.md").write_text("# The `answer`\n")
    entries = [{"Start": "index.md"}, {"More": ["*.md"]}, {"Decisions": "decisions/*.md"}]
    assert make_site.navigation(entries, tmp_path) == [
        {"Start": "index.md"},
        {"More": [{"Where it runs": "matrix.md"}]},
        {"Decisions": [{"42. The answer": "decisions/0042-answer.md"}]},
    ]


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    import coordconv
    from coordconv import conversion, costs, export, testing

    documented = set()
    for stem, page in site_reference.PAGES.items():
        text = (site / "reference" / f"{stem}.html").read_text()
        anchors = set(re.findall(r'\sid="?([^"\s>]+)', text))
        assert set(site_reference.names_of(page)) <= anchors
        documented |= {anchor.rpartition(".")[2] for anchor in anchors}
    for module in (coordconv, conversion, costs, export, testing):
        assert set(module.__all__) <= documented


def test_a_reference_to_other_arguments_becomes_a_sentence_and_a_name_a_link() -> None:
    text = (
        "Start.\n\nArgs:\n    Those of `CoordConv2d`, with\n    one number.\n\nExample:\n    >>> 1"
    )
    assert site_reference.in_the_builders_form(text) == (
        "Start.\n\nArguments: those of [`CoordConv2d`][coordconv.CoordConv2d], with one number."
        "\n\nExamples:\n    >>> 1"
    )


def test_a_request_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<a href="https://example.org">d</a><link rel="canonical" href="https://example.org/c">'
        '<script src="https://example.org/a.js"></script><img alt="" srcset=//example.org/i.png>'
        '<link rel="stylesheet" href="https://example.org/s.css"><img src="data:image/png,A==">'
        '<p style="background: url(//example.org/p.png)"><img src="b.png">'
    )
    (tmp_path / "a.css").write_text('@import "https://example.org/font.css";')
    assert make_site.requests_of(tmp_path) == [
        "a.css fetches https://example.org/font.css from elsewhere",
        "index.html fetches https://example.org/a.js from elsewhere",
        "index.html fetches //example.org/i.png from elsewhere",
        "index.html fetches https://example.org/s.css from elsewhere",
        "index.html fetches //example.org/p.png from elsewhere",
    ]


def test_a_dead_link_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "index.md"
    for dead in ("no.md", "index.md#no"):
        page.write_text(f"# Home\n\n[a](#home) [b]({dead})\n")
        (tmp_path / "mkdocs.yml").write_text("site_name: a\n")
        with pytest.raises(SystemExit, match="does not exist"):
            make_site.built(tmp_path / "mkdocs.yml")
    page.write_text("# Home\n\n[a](#home)\n")
    assert make_site.built(tmp_path / "mkdocs.yml") == tmp_path / "site"


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_pages_open_from_files_without_a_network(
    visit: Open, site: Path, width: int, scheme: str
) -> None:
    for name in SHOWN:
        opened = visit(site / name, width=width, scheme=scheme)
        opened.page.wait_for_timeout(100)
        assert [url for url in opened.requests if not url.startswith(("file:", "data:"))] == []
        assert opened.complaints == []
        assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_finds_no_serious_fault_on_a_page_of_the_site(
    visit: Open, site: Path, scheme: str
) -> None:
    for name in ("layers.html", "where-it-helps.html"):
        opened = visit(site / name, scheme=scheme)
        found = Axe().run(opened.page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_the_search_works_from_a_file(visit: Open, site: Path) -> None:
    page = visit(site / "index.html").page
    page.keyboard.press("Control+k")
    page.keyboard.type("off_center")
    page.get_by_role("link", name="Conventions").first.wait_for(timeout=10_000)


def test_a_file_in_a_hidden_folder_has_a_page_that_the_builder_reads():
    place = site_pages.source_place(ROOT / ".ci" / "run")
    assert place == Path("source/dot-ci/run.md")
