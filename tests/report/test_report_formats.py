"""Other formats of the report agree with the records."""

import re
from pathlib import Path

import pytest
from PIL import Image

from coordconv_lab import report
from coordconv_lab.errors import InputError
from coordconv_lab.report import write_report
from coordconv_lab.report.figures import COLOURS
from tests.report.test_report_page import HOSTILE


def test_the_text_has_a_line_for_every_network_including_missing_runs(store, add_run, tmp_path):
    add_run("regression", "uniform", "coordconv", train=1.0, test=0.75, seconds=12.0)
    add_run("regression", "uniform", "coordconv", seed=1, train=1.0, test=0.25, seconds=14.0)
    text = write_report(store, tmp_path / "report.md", form="markdown").read_text()
    assert (
        "| Regression | uniform | CoordConv | 2 | 7,553 | 13.0 | 100%; coordinates 100% "
        "| 50.0% (25.0% to 75.0%); coordinates 75.0% |  | 0 of 2 | 100% | 100% |" in text
    )
    assert text.count("not run") == 1


def test_every_line_of_a_table_has_as_many_cells_as_its_header(store, add_run, tmp_path):
    add_run(commit=HOSTILE)
    text = write_report(store, tmp_path / "report.md", form="markdown").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {13}


def test_markup_in_text_is_escaped(store, add_run, tmp_path):
    add_run(processor=HOSTILE, commit="[a](http://b)")
    text = write_report(store, tmp_path / "report.md", form="markdown").read_text()
    assert re.search(r"(?<!\\)<", text) is None
    assert re.search(r"(?<!\\)\[", text) is None


@pytest.mark.parametrize(
    ("form", "suffix", "mark"), [("png", "png", b"\x89PNG"), ("pdf-figures", "pdf", b"%PDF")]
)
def test_every_chart_is_a_separate_file(store, add_run, tmp_path, form, suffix, mark):
    for model in ("coordconv", "conv"):
        add_run("regression", "quadrant", model)
    write_report(store, tmp_path / "figures", form=form)
    files = sorted((tmp_path / "figures").iterdir())
    assert [path.name for path in files] == [
        f"{name}.{suffix}" for name in ("cost", "errors", "learning-curves", "maps")
    ]
    assert all(path.read_bytes().startswith(mark) for path in files)


def test_the_same_records_make_the_same_figures(store, add_run, tmp_path):
    add_run("rendering", "quadrant", "deconv")
    for form in ("png", "pdf-figures"):
        for name in ("once", "again"):
            write_report(store, tmp_path / name, form=form)
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_figures_have_the_colors_of_both_families(store, add_run, tmp_path):
    for model in ("coordconv", "deconv"):
        add_run("rendering", "quadrant", model)
    write_report(store, tmp_path / "figures", form="png")
    image = Image.open(tmp_path / "figures" / "learning-curves.png").convert("RGB")
    colours = {colour for _, colour in image.getcolors(1 << 24) or ()}
    for family in ("--coordconv", "--baseline"):
        assert tuple(bytes.fromhex(COLOURS[family][1:])) in colours


def test_figures_have_the_colors_of_the_style_sheet():
    style = (Path(report.__file__).parent / "assets" / "page.css").read_text()
    for name in ("--coordconv", "--baseline"):
        assert f"{name}: {COLOURS[name]};" in style


@pytest.mark.parametrize("form", ["html", "markdown", "png", "pdf-figures"])
def test_nothing_is_written_without_finished_runs(store, tmp_path, form):
    with pytest.raises(InputError, match="has no finished run"):
        write_report(store, tmp_path / "out", form=form)
    assert not (tmp_path / "out").exists()
