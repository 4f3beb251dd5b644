"""A page of records that hold markup and scripts shows them, and runs none."""

from coordconv_lab.report import write_report
from tests.hostile.test_markup import HOSTILE, with_text


def test_nothing_that_a_record_holds_runs_in_a_browser(visit, store, add_run, tmp_path):
    with_text(add_run("regression", "uniform"), " ".join(HOSTILE))
    add_run("classification", "quadrant")
    opened = visit(write_report(store, tmp_path / "page.html"))
    plain = "<script>alert(1)</script>"
    assert plain in opened.page.locator("#made").inner_text()
    assert opened.page.locator("#made img, #made b, #made a, #made script").count() == 0
    assert opened.complaints == []
    assert all(url.startswith(("file:", "data:")) for url in opened.requests)
