"""The table of gains in the report is that of docs/where-it-helps.md."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coordconv_lab.claims.gains import GainRow, gain_rows, gain_rows_if_any
from coordconv_lab.claims.statistics import paired_mean
from coordconv_lab.claims.usefulness import MARGIN, Difference, Question, Usefulness
from coordconv_lab.report import write_report
from coordconv_lab.report.gains import gain_table
from tests.committed import RESULTS

PAGE = Path(__file__).parents[2] / "docs" / "where-it-helps.md"
HOSTILE = "</td><script>alert(1)</script>"


class Cells(HTMLParser):
    """Collect the texts of the cells of each row of the section."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        [section] = re.findall(r'<section id="gains">.*?</section>', page, re.DOTALL)
        self.feed(section)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    @property
    def answers(self) -> list[list[str]]:
        rows = [[" ".join(cell.split()) for cell in row] for row in self.rows[1:]]
        return [row for row in rows if len(row) == 6]


def rows_of_the_page() -> list[list[str]]:
    """The columns of the page that the report shows, in the order of the report."""
    table = PAGE.read_text().split("<!-- table: written by make -->")[1].split("<!--")[0]
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[3:]
    ]
    return [
        [task[0].upper() + task[1:], over, verdict.strip("*"), gain, used, again]
        for task, over, gain, used, *_, verdict, again in (row for row in rows if len(row) > 1)
    ]


def a_row(title="side", effect=0.1, reach=0.05) -> GainRow:
    values = {name: effect + reach * step for step, name in enumerate("abcde", -2)}
    question = Question(
        title=title, score="side", unit="people", study="s", plain=("a",), told=("b",)
    )
    gain = Difference(values, paired_mean([list(values.values())]))
    return GainRow(
        "Experiment", question, Usefulness(question, {}, gain, None, None, None, 1.0), None
    )


@pytest.fixture
def report(add_run, store, tmp_path):
    add_run("regression", "uniform", "coordconv", test=1.0)

    def write(rows, form="html", **options):
        out = write_report(store, tmp_path / "page", form=form, gains=rows, **options)
        return out.read_text(encoding="utf-8")

    return write


def test_words_and_numbers_are_those_of_the_page(report):
    wanted = rows_of_the_page()
    assert len(wanted) == 37
    assert Cells(report(gain_rows_if_any(RESULTS))).answers == wanted


def test_markdown_has_the_same_rows(report):
    text = report(gain_rows_if_any(RESULTS), form="markdown").replace("\\", "")
    for row in rows_of_the_page():
        assert f"| {' | '.join([row[0][0].lower() + row[0][1:], *row[1:]])} |" in text


def test_without_records_there_is_no_section(report, tmp_path):
    missing = gain_rows(tmp_path)
    assert missing
    assert gain_rows_if_any(tmp_path) == []
    for rows in ([], missing):
        assert 'id="gains"' not in report(rows)
        assert 'href="#gains"' not in report(rows)
        assert "Where coordinates help" not in report(rows, form="markdown")


def test_only_a_given_explorer_is_linked(report):
    assert Cells(report([a_row()])).links == []
    assert Cells(report([a_row()], explorer="there.html")).links == ["there.html"]


def test_text_is_escaped(report):
    page = report([a_row(HOSTILE)])
    assert HOSTILE not in page
    assert Cells(page).answers[0][0] == HOSTILE
    assert HOSTILE not in report([a_row(HOSTILE)], form="markdown")


def test_a_picture_is_a_scale_with_zero_in_the_middle():
    table = gain_table([a_row(effect=effect) for effect in (-0.31, 0.0, 0.2)])
    low, width, mean = table.margin
    assert mean == 50
    assert low + width / 2 == pytest.approx(50, abs=0.01)
    assert width == pytest.approx(100 * MARGIN / table.limit, abs=0.02)
    for shown, effect in zip(table.groups[0].rows, (-0.31, 0.0, 0.2), strict=True):
        assert 0 <= shown.range.low < shown.range.mean < shown.range.low + shown.range.width <= 100
        assert shown.range.mean == pytest.approx(50 + 50 * effect / table.limit, abs=0.01)


def test_verdicts_and_agreeing_replications_are_counted():
    helps, hurts = a_row(), a_row(effect=-0.3)
    rows = [
        helps._replace(again=helps.found),
        helps._replace(again=hurts.found),
        hurts._replace(again="no runs"),
    ]
    table = gain_table(rows)
    assert table.tally == ["helps: 2", "hurts: 1"]
    assert table.replicated == (2, 1)
    few = replace(helps.question, title="few")
    assert gain_table([helps._replace(question=few, found="no runs")]).groups == []
