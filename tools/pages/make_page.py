"""Rewrite docs/report.html, the report of the records under results/, and its screenshots.

Run it with `make page`. A test fails if the page and the records differ. The screenshots need
Chromium; without it they are left unchanged.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from coordconv_lab.claims.gains import gain_rows_if_any
from coordconv_lab.claims.ledger import ledger_if_any
from coordconv_lab.report import write_report
from coordconv_lab.results import RunStore

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
PAGE = ROOT / "docs" / "report.html"
IMAGES = ROOT / "docs" / "images"
WIDTHS = (360, 1280, 1920)
HEIGHT = 1200


def write(out: Path) -> Path:
    """Write the page."""
    return write_report(
        RunStore(RESULTS / "tuned"),
        out,
        ledger_if_any(RESULTS),
        RunStore(RESULTS / "search"),
        gains=gain_rows_if_any(RESULTS),
        explorer="where-explorer.html",
    )


def is_current() -> bool:
    """Return whether the existing page equals the page of the records."""
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / "page.html").read_bytes() == PAGE.read_bytes()


def photograph(page: Page, name: str) -> None:
    """Save a screenshot after the images are unpacked."""
    page.wait_for_timeout(700)
    page.screenshot(path=IMAGES / f"{name}.png")


def main() -> int | None:
    """Write everything; with --check, only say whether the page is current."""
    if "--check" in sys.argv:
        return int(not is_current())
    write(PAGE)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("Chromium not found: the screenshots are unchanged")
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                page = browser.new_page(
                    viewport={"width": width, "height": HEIGHT}, color_scheme=scheme
                )
                page.goto(PAGE.as_uri())
                photograph(page, f"page-{width}-{scheme}")
                page.close()
        browser.close()
    return None


if __name__ == "__main__":
    sys.exit(main())
