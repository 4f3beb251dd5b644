"""The page as a reader sees it: in a real browser, opened from a file, without a network."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from coordconv_lab.report import write_report
from coordconv_lab.report.watch import HOST, Watch, server
from tests.browser.conftest import Visit
from tests.report.test_report_page import HOSTILE

Open = Callable[..., Visit]


def test_the_page_opens_from_a_file_and_makes_no_requests(visit: Open, report: Path) -> None:
    opened = visit(report)
    opened.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    opened.page.wait_for_timeout(300)
    asked = [url for url in opened.requests if not url.startswith("data:")]
    assert asked == [report.as_uri()]
    assert opened.complaints == []


def test_a_map_says_row_and_column_under_the_pointer(visit: Open, report: Path) -> None:
    page = visit(report).page
    screen = page.locator(".map.probe").first
    screen.scroll_into_view_if_needed()
    box = screen.bounding_box()
    assert box is not None
    # The map has 56 x 56 positions, from 4 to 59.
    page.mouse.move(box["x"] + box["width"] * 10.5 / 56, box["y"] + box["height"] * 20.5 / 56)
    expect(page.locator("#tip")).to_contain_text("row 24, column 14")


def test_painted_images_are_stretched_on_request(visit: Open, report: Path) -> None:
    page = visit(report).page
    painted = page.locator("#gallery img.as-is")
    stretched = page.locator("#gallery img.stretched")
    assert painted.count() == stretched.count() > 0
    expect(painted.first).to_be_visible()
    expect(stretched.first).to_be_hidden()
    page.get_by_label("Stretch each painted image").check()
    expect(painted.first).to_be_hidden()
    expect(stretched.first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_an_audit_finds_no_serious_fault(
    visit: Open, report: Path, scheme: str, width: int
) -> None:
    page = visit(report, width=width, scheme=scheme).page
    found = Axe().run(page).response["violations"]
    serious = [
        (one["id"], one["nodes"][0]["html"][:200], one["nodes"][0].get("failureSummary"))
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_nothing_scrolls_sideways(visit: Open, report: Path, width: int) -> None:
    page = visit(report, width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_dark_scheme_is_dark(visit: Open, report: Path) -> None:
    def luminance(scheme: str) -> tuple[float, float]:
        page = visit(report, scheme=scheme).page
        return page.evaluate(
            """() => ["backgroundColor", "color"].map((name) =>
                getComputedStyle(document.body)[name].match(/\\d+/g).slice(0, 3)
                    .reduce((sum, part) => sum + Number(part), 0) / 765)"""
        )

    ground, ink = luminance("dark")
    assert ground < 0.2 < 0.8 < ink
    ground, ink = luminance("light")
    assert ink < 0.2 < 0.8 < ground


def test_nothing_moves_after_the_first_drawing(visit: Open, report: Path) -> None:
    page = visit(report).page
    shift = page.evaluate(
        """() => new Promise((resolve) => {
            let sum = 0;
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) sum += entry.value;
            }).observe({ type: "layout-shift", buffered: true });
            setTimeout(() => resolve(sum), 800);
        })"""
    )
    assert shift < 0.1  # "good" by the definition of cumulative layout shift


def test_names_with_html_in_them_are_text(visit: Open, tmp_path: Path, store, add_run) -> None:
    made = add_run(processor=HOSTILE, machine=HOSTILE, commit=HOSTILE)
    name = HOSTILE.replace("/", "") + made.name.rpartition("-")[2]  # the run's id
    made.rename(made.with_name(name))
    opened = visit(write_report(store, tmp_path / "page.html"))
    expect(opened.page.locator(".facts")).to_contain_text(HOSTILE)
    expect(opened.page.locator("#made details")).to_contain_text(name)
    assert opened.complaints == []
    assert opened.page.locator("img[src=x]").count() == 0


def test_a_served_page_loads_anew_when_a_run_ends(visit: Open, store, add_run) -> None:
    add_run("regression", "uniform", "coordconv")
    with server(Watch(store, [], None)) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            opened = visit(f"http://{HOST}:{made.server_port}/")
            expect(opened.page.locator("#made summary")).to_contain_text("1 run")
            add_run("regression", "uniform", "conv")
            expect(opened.page.locator("#made summary")).to_contain_text("2 runs")
            assert opened.complaints == []
        finally:
            made.shutdown()
            thread.join()
    expect(opened.page.locator(".when-lost")).to_be_visible()


def test_charts_have_the_colours_of_the_scheme_and_of_print(visit: Open, report: Path) -> None:
    page = visit(report, scheme="dark").page
    page.locator("#curves").scroll_into_view_if_needed()
    label = page.locator("#curves .xtick text").first
    expect(label).to_be_visible()

    def wanted() -> str:
        return page.evaluate(
            """() => {
                const probe = document.body.appendChild(document.createElement("i"));
                probe.style.color = "var(--muted)";
                const found = getComputedStyle(probe).color;
                probe.remove();
                return found;
            }"""
        )

    seen = set()
    for change in ({"color_scheme": "dark"}, {"color_scheme": "light"}, {"media": "print"}):
        page.emulate_media(**change)
        expect(label).to_have_css("fill", wanted())
        seen.add(wanted())
    assert len(seen) == 3
