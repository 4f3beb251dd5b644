"""The page is self-contained and small, and escapes all text."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coordconv_lab import report
from coordconv_lab.claims import Claim, Entry, Finding
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.tutorial_scores import GALLERY, TUTORIAL_SCORES
from coordconv_lab.report import write_report
from coordconv_lab.results import RunStore

ASSETS = Path(report.__file__).parent / "assets"
HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"


class Reader(HTMLParser):
    """Collect the elements of the page, its text outside of scripts and styles, and its data."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text, self.data, self._inside = "", [], ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = {name: value or "" for name, value in attrs}
        self.elements.append((tag, fields))
        self._inside = "json" if fields.get("type") == "application/json" else tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "json":
            self.data.append(json.loads(data))
        elif self._inside not in ("script", "style"):
            self.text += f" {data}"

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def read(store: RunStore, out: Path) -> tuple[str, Reader]:
    page = write_report(store, out).read_text(encoding="utf-8")
    return page, Reader(page)


@pytest.fixture
def whole(store, add_run, tmp_path) -> tuple[str, Reader]:
    for task, split, model in TUTORIAL_SCORES:
        add_run(task, split, model, test=1.0 if model == "coordconv" else 0.3)
    return read(store, tmp_path / "page.html")


def test_the_section_of_claims_is_omitted_without_claims(store, add_run, tmp_path):
    add_run("regression", "uniform", "coordconv", test=1.0)
    claim = Claim(
        "colour", f"It is {HOSTILE}", "someone", "others", lambda _: finding, "tests/x.py::test_it"
    )
    finding = Finding("partly", 7, "share of seeds", 0.5, (0.25, 0.75), "on Tuesdays")
    page = write_report(store, tmp_path / "page.html", [Entry(claim, finding)]).read_text()
    words = Reader(page).words
    assert "partly It is </script><img" in words
    assert "Share of seeds: 0.5 (0.25 to 0.75), n = 7. On Tuesdays" in words
    assert "1 partly." in words
    assert HOSTILE not in page
    assert 'id="evidence"' not in read(store, tmp_path / "page.html")[0]


def test_the_page_loads_no_external_resources(whole):
    page, reader = whole
    asked = [
        fields[name]
        for _, fields in reader.elements
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href")
        if name in fields
    ]
    assert asked
    assert [address for address in asked if not address.startswith(("data:", "#"))] == []
    # The chart library could load maps and fonts; the browser tests check that it does not.
    page = page.replace((ASSETS / "plotly-basic.min.js").read_text(), "")
    assert re.findall(r"url\((?!#)|@import|\bfetch\(|XMLHttpRequest|\bimport\(", page) == []
    assert "https://" not in page
    assert "http://" not in page


def test_the_browser_is_told_to_refuse_other_sources(whole):
    policies = [fields["content"] for _, fields in whole[1].elements if "http-equiv" in fields]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; img-src data:;")


def test_the_page_is_at_most_three_megabytes(whole):
    assert len(whole[0].encode()) < 3_000_000


def test_its_sections_come_in_their_order(whole):
    found = [fields["id"] for tag, fields in whole[1].elements if tag == "section"]
    assert found == [
        "explorer",
        "scores",
        "curves",
        "maps",
        "landings",
        "arrows",
        "gallery",
        "cost",
        "made",
    ]


def test_a_complete_page_has_no_gaps(whole):
    assert not any("gap" in fields.get("class", "").split() for _, fields in whole[1].elements)


def test_every_image_has_a_size_and_alternative_text(whole):
    pictures = [fields for tag, fields in whole[1].elements if tag == "img"]
    assert len(pictures) == 6 * 3 + 8 + 8 * 3 * 3
    assert all(fields["alt"] and fields["width"] and fields["height"] for fields in pictures)


def test_every_place_of_the_tutorial_is_named_on_hover_and_below(whole):
    _, reader = whole
    titles = [
        fields["title"]
        for tag, fields in reader.elements
        if tag == "figure" and fields.get("title")
    ]
    wanted = [place for places in GALLERY.values() for place in places for _ in range(2)]
    assert sorted(titles) == sorted(f"row {row}, column {column}" for row, column in wanted)
    for row, column in wanted:
        assert reader.words.count(f"row {row}, column {column} IoU") == 2


def test_text_of_a_record_is_escaped(store, add_run, tmp_path):
    add_run(processor=HOSTILE, machine=HOSTILE, commit=HOSTILE, versions={HOSTILE: HOSTILE})
    page, reader = read(store, tmp_path / "page.html")
    assert "<img src=x" not in page
    assert [fields for _, fields in reader.elements if "onerror" in fields] == []
    assert reader.text.count(HOSTILE) == 5


def test_a_hostile_directory_name_is_escaped(store, add_run, tmp_path):
    directory = add_run()
    (directory / "metrics.csv").unlink()
    directory.rename(store.root / f"<b onclick=alert(1)>&lt;{directory.name}")
    page, reader = read(store, tmp_path / "page.html")
    assert "<b onclick" not in page
    assert "<b onclick=alert(1)>&lt;" in reader.text


def test_without_records_the_error_says_what_to_run(store, tmp_path):
    with pytest.raises(InputError, match="run `coordconv reproduce` first"):
        write_report(store, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_the_page_contains_no_local_directories(store, add_run, tmp_path):
    directory = add_run()
    (directory / "metrics.csv").unlink()
    (directory / "predictions.npz").write_bytes(b"PK")
    page, _ = read(store, tmp_path / "new" / "page.html")
    assert str(tmp_path) not in page


@pytest.mark.slow("processes")
@pytest.mark.parametrize("heavy", ["torch", "lightning_fabric", "plotly", "jinja2", "PIL"])
def test_importing_the_report_loads_no_heavy_modules(heavy):
    code = f"import sys, coordconv_lab.report; print({heavy!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.slow("processes")
def test_writing_a_page_loads_no_torch(store, add_run, tmp_path):
    add_run()
    code = (
        "import sys; from pathlib import Path; from coordconv_lab.results import RunStore\n"
        "from coordconv_lab.report import write_report\n"
        f"write_report(RunStore({str(store.root)!r}), Path({str(tmp_path / 'page.html')!r}))\n"
        "print([m for m in ('torch', 'lightning_fabric', 'coordconv') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
